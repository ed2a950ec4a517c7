// What is asked, kept in the address, so that back, forward, bookmarks and shared addresses work.

const MANY = ["f", "like"];
const ONE = ["q", "sort", "literal", "everything", "example", "view"];

export function read(address = location.search) {
  const given = new URLSearchParams(address);
  const state = { f: given.getAll("f"), like: given.getAll("like") };
  for (const name of ONE) state[name] = given.get(name) ?? "";
  return state;
}

export function write(state) {
  const query = new URLSearchParams();
  for (const name of ONE) if (state[name]) query.set(name, state[name]);
  for (const name of MANY) for (const value of state[name]) query.append(name, value);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

// Everything but the picture that is looked at: where it is the same, the hits on the page stay.
export const question = (state) => write({ ...state, view: "" });

const filter = (state) => state.f.map((each) => `(${each})`).join(" AND ");

export function options(state) {
  const query = new URLSearchParams();
  if (state.q.trim()) query.set("text", state.q);
  if (state.f.length) query.set("filter", filter(state));
  for (const id of state.like) query.append("like", id);
  if (state.literal) query.set("literal", "true");
  if (state.everything) query.set("everything", "true");
  const ranked = state.q.trim() || state.like.length || state.example;
  if (state.sort) query.set("sort", state.sort);
  else if (!ranked) query.set("sort", "taken_at:desc");
  query.set("explain", "true");
  return query;
}
