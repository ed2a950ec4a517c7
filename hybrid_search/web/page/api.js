// Requests to the server that this page came from. A picture to search by is sent with every page of hits.

const examples = new Map();  // pictures that were dropped, by the number that the address has
let next = 1;

export function keep(file) {
  const name = String(next++);
  examples.set(name, { file, url: URL.createObjectURL(file) });
  return name;
}

export const example = (name) => examples.get(name);

export async function ask(path, query = new URLSearchParams(), { picture, signal } = {}) {
  const text = query.toString();
  const sent = picture
    ? { method: "POST", body: picture, headers: { "Content-Type": "application/octet-stream" }, signal }
    : { signal };
  const reply = await fetch(`/api/v1/${path}${text ? `?${text}` : ""}`, sent);
  const body = await reply.json();
  if (!reply.ok) throw new Error([body.error.message, body.error.remedy].filter(Boolean).join("; "));
  return body;
}

const of = (id) => `/api/v1/documents/${encodeURIComponent(id)}`;
export const thumbnail = (id) => `${of(id)}/thumbnail`;
export const image = (id, size) => `${of(id)}/image?size=${size}`;
export const json = of;
