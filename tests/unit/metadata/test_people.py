"""What XMP says of the picture itself: people, keywords, stars, places; nothing of other pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hybrid_search import HybridIndex
from hybrid_search.metadata import read_metadata
from hybrid_search.metadata.model import Metadata, merge
from hybrid_search.metadata.xmp import read_xmp

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "core": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "mwg-kw": "http://www.metadataworkinggroup.com/schemas/keywords/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "mediapro": "http://ns.iview-multimedia.com/mediapro/1.0/",
}


def fields(body: str = "", attributes: str = "", more: str = "") -> dict[str, Any]:
    """Return what a packet of one description says; `more` comes behind it."""
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    read = read_xmp(
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {spaces}><rdf:Description rdf:about="" {attributes}>{body}'
        f"</rdf:Description>{more}</rdf:RDF></x:xmpmeta>".encode()
    )
    assert read.words.warnings == ()
    return {**read.facts.fields, **read.words.fields}


def bag(*items: str) -> str:
    return f"<rdf:Bag>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:Bag>"


# -- other pictures ----------------------------------------------------------------------------------------------------

INGREDIENT = (
    "<dc:description>of the ingredient</dc:description>"
    "<dc:subject><rdf:Bag><rdf:li>logo</rdf:li></rdf:Bag></dc:subject>"
    "<tiff:Make>Kodak</tiff:Make><photoshop:City>Reno</photoshop:City><exif:GPSLatitude>1,2N</exif:GPSLatitude>"
)


@pytest.mark.parametrize(
    "other",
    [
        "<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description>{}</rdf:Description></rdf:li></rdf:Bag></xmpMM:Pantry>",
        '<xmpMM:Ingredients><rdf:Bag><rdf:li rdf:parseType="Resource">{}</rdf:li></rdf:Bag></xmpMM:Ingredients>',
        '<xmpMM:DerivedFrom rdf:parseType="Resource">{}</xmpMM:DerivedFrom>',
        "<xmpMM:DerivedFrom><rdf:Description>{}</rdf:Description></xmpMM:DerivedFrom>",
        "<xmpMM:History><rdf:Seq><rdf:li><rdf:Description>{}</rdf:Description></rdf:li></rdf:Seq></xmpMM:History>",
        "<crs:Look><rdf:Description><crs:Parameters><rdf:Description>{}</rdf:Description></crs:Parameters>"
        "</rdf:Description></crs:Look>",
        '<xmpMM:Pantry><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description rdf:about="">{}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta></xmpMM:Pantry>",
        "<dc:relation><rdf:Bag><rdf:li><rdf:Description>{}</rdf:Description></rdf:li></rdf:Bag></dc:relation>",
    ],
)
def test_what_lies_deeper_is_of_another_picture(other: str) -> None:
    assert fields(other.format(INGREDIENT)) == {}
    own = {"caption": "Own", "tags": ["own"]}
    words = f"<dc:description>Own</dc:description><dc:subject>{bag('own')}</dc:subject>"
    assert fields(other.format(INGREDIENT) + words) == fields(words + other.format(INGREDIENT)) == own


def test_a_description_of_another_subject_is_not_of_the_picture() -> None:
    neighbour = f'<rdf:Description rdf:about="uuid:2">{INGREDIENT}</rdf:Description>'
    assert fields("<dc:title>Own</dc:title>", more=neighbour) == {"title": "Own"}
    # what older programs write: one description for each namespace
    more = '<rdf:Description rdf:about="" xmp:Rating="3"/><rdf:Description><dc:title>Own</dc:title></rdf:Description>'
    assert fields(more=more) == {"rating": 3, "title": "Own"}


# -- people ------------------------------------------------------------------------------------------------------------

AREA = 'stArea:x="0.5" stArea:y="0.25" stArea:w="0.25" stArea:h="0.125" stArea:unit="normalized"'
# the centre less half the size: 0.5 - 0.25/2, 0.25 - 0.125/2
BOX = {"left": 0.375, "top": 0.1875, "width": 0.25, "height": 0.125}
LENA = {"people": ["Lena Sommer"]}


def regions(*items: str) -> str:
    size = '<mwg-rs:AppliedToDimensions stDim:w="400" stDim:h="200" stDim:unit="pixel"/>'
    listed = "".join(f"<rdf:li>{item}</rdf:li>" for item in items)
    return (
        f"<mwg-rs:Regions><rdf:Description>{size}<mwg-rs:RegionList><rdf:Bag>{listed}</rdf:Bag></mwg-rs:RegionList>"
        "</rdf:Description></mwg-rs:Regions>"
    )


@pytest.mark.parametrize(
    "region",
    [
        # Lightroom, Picasa, digiKam and exiftool spell the same in four ways
        '<rdf:Description mwg-rs:Name="Lena Sommer" mwg-rs:Type="Face"><mwg-rs:Area {}/></rdf:Description>',
        '<rdf:Description><mwg-rs:Name>Lena Sommer</mwg-rs:Name><mwg-rs:Area rdf:parseType="Resource">'
        "<stArea:x>0.5</stArea:x><stArea:y>0.25</stArea:y><stArea:w>0.25</stArea:w><stArea:h>0.125</stArea:h>"
        "</mwg-rs:Area></rdf:Description>",
        '<mwg-rs:RegionStruct mwg-rs:Name="Lena Sommer"><mwg-rs:Area><rdf:Description {}/></mwg-rs:Area>'
        "</mwg-rs:RegionStruct>",
        '<rdf:Description mwg-rs:Name="Lena Sommer" mwg-rs:Type="Face"><mwg-rs:Area stArea:x="200" stArea:y="50" '
        'stArea:w="100" stArea:h="25" stArea:unit="pixel"/></rdf:Description>',
    ],
)
def test_a_face_of_the_metadata_working_group(region: str) -> None:
    found = fields(regions(region.format(AREA)))
    assert found == {**LENA, "faces": [{"name": "Lena Sommer", **BOX}]}


def test_regions_of_other_kinds() -> None:
    kinds = ("Face", "Pet", "Focus", "BarCode")
    named = [f'<rdf:Description mwg-rs:Name="{kind} 1" mwg-rs:Type="{kind}"/>' for kind in kinds]
    unnamed = f'<rdf:Description mwg-rs:Type="Face"><mwg-rs:Area {AREA}/></rdf:Description>'
    assert fields(regions(*named, unnamed)) == {"people": ["Face 1"], "tags": ["Pet 1"]}


def test_a_point_or_a_circle_names_a_person_without_a_box() -> None:
    point = '<rdf:Description mwg-rs:Name="Lena Sommer"><mwg-rs:Area stArea:x="0.5" stArea:y="0.5"/></rdf:Description>'
    outside = AREA.replace('w="0.25"', 'w="25"')
    wide = f'<rdf:Description mwg-rs:Name="Ada"><mwg-rs:Area {outside}/></rdf:Description>'
    assert fields(regions(point, wide)) == {"people": ["Lena Sommer", "Ada"]}


def test_a_face_of_windows() -> None:
    body = (
        "<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>"
        '<rdf:li><rdf:Description MPReg:Rectangle="0.375, 0.1875, 0.25, 0.125" '
        'MPReg:PersonDisplayName="Lena Sommer"/></rdf:li>'
        '<rdf:li><rdf:Description MPReg:Rectangle="0.1, 0.1, 0.2, 0.2"/></rdf:li>'
        '<rdf:li><rdf:Description MPReg:PersonDisplayName="Ada" MPReg:Rectangle="0.1"/></rdf:li>'
        "</rdf:Bag></MPRI:Regions></rdf:Description></MP:RegionInfo>"
    )
    expected = {"people": ["Lena Sommer", "Ada"], "faces": [{"name": "Lena Sommer", **BOX}]}
    assert fields(body) == expected
    # digiKam writes the same face under both names, and the tag
    own = f'<rdf:Description mwg-rs:Name="LENA SOMMER" mwg-rs:Type="Face"><mwg-rs:Area {AREA}/></rdf:Description>'
    both = fields(regions(own) + body)
    assert both["people"] == ["LENA SOMMER", "Ada"] and both["faces"] == [{"name": "LENA SOMMER", **BOX}]


def test_people_of_iptc() -> None:
    assert fields(f"<ext:PersonInImage>{bag('Lena Sommer', 'Ada')}</ext:PersonInImage>") == {
        "people": ["Lena Sommer", "Ada"]
    }
    detailed = (
        '<ext:PersonInImageWDetails><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:PersonName><rdf:Alt>'
        '<rdf:li xml:lang="x-default">Lena Sommer</rdf:li></rdf:Alt></ext:PersonName></rdf:li></rdf:Bag>'
        "</ext:PersonInImageWDetails>"
    )
    assert fields(detailed) == LENA
    region = (
        '<ext:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:RegionBoundary ext:rbShape="rectangle" '
        'ext:rbUnit="relative" ext:rbX="0.375" ext:rbY="0.1875" ext:rbW="0.25" ext:rbH="0.125"/>'
        f"<ext:PersonInImage>{bag('Lena Sommer')}</ext:PersonInImage></rdf:li></rdf:Bag></ext:ImageRegion>"
    )
    assert fields(region) == fields(detailed + region) == {**LENA, "faces": [{"name": "Lena Sommer", **BOX}]}
    assert fields(f"<mediapro:People>{bag('Lena Sommer')}</mediapro:People>") == LENA


def test_people_of_all_layers_are_united() -> None:
    layers = [Metadata({"people": ["Ada", "Lena"], "tags": ["sea"]}), Metadata({"people": ["lena", "Bob"]})]
    assert dict(merge(*layers).fields) == {"people": ["Ada", "Lena", "Bob"], "tags": ["sea"]}


def test_keywords_without_end_are_read_in_part() -> None:
    many = "|".join(map(str, range(100_000)))
    body = f"<dc:subject>{bag(many)}</dc:subject><acdsee:categories>{'&gt;a' * 100_000}</acdsee:categories>"
    assert len(fields(body)["tags"]) == 256


def test_regions_without_end_are_read_in_part() -> None:
    one = '<rdf:Description mwg-rs:Name="p{}" mwg-rs:Type="Face"/>'
    assert len(fields(regions(*(one.format(number) for number in range(5000))))["people"]) == 256
    deep = "<mwg-kw:Children><rdf:Bag><rdf:li rdf:parseType='Resource'>" * 100
    ends = "</rdf:li></rdf:Bag></mwg-kw:Children>" * 100
    tree = (
        f"<mwg-kw:Keywords rdf:parseType='Resource'><mwg-kw:Hierarchy>{deep}{ends}</mwg-kw:Hierarchy></mwg-kw:Keywords>"
    )
    assert fields(tree) == {}


def test_a_packet_that_goes_on_in_a_second_one() -> None:
    open_, close = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        + " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
        + "><rdf:Description",
        "</rdf:Description></rdf:RDF></x:xmpmeta>",
    )
    name = b"0123456789ABCDEF0123456789ABCDEF"
    first = f"{open_} dc:title='Own' crs:Named='{name.decode()}'>{close}".encode()
    second = f"{open_} dc:title='Other'><ext:PersonInImage>{bag('Lena Sommer')}</ext:PersonInImage>{close}".encode()

    def jpeg(named: bytes, *parts: tuple[int, bytes], length: int = len(second)) -> dict[str, Any]:
        segments = [b"http://ns.adobe.com/xap/1.0/\x00" + first]
        for at, part in parts:
            head = b"http://ns.adobe.com/xmp/extension/\x00" + named
            segments.append(head + length.to_bytes(4, "big") + at.to_bytes(4, "big") + part)
        joined = b"".join(b"\xff\xe1" + (len(each) + 2).to_bytes(2, "big") + each for each in segments)
        return dict(read_metadata(b"\xff\xd8" + joined + b"\xff\xd9", format="jpeg").fields)

    whole = {"title": "Own", **LENA}
    assert jpeg(name, (0, second)) == jpeg(name, (100, second[100:]), (0, second[:100])) == whole
    assert jpeg(name[::-1], (0, second)) == {"title": "Own"}, "of another picture"
    assert jpeg(name, (2**31, b"x"), length=2**32 - 1) == {"title": "Own"}
    assert jpeg(name, (0, second + bytes(100))) == whole


def test_people_are_found_by_words_and_filters(tmp_path: Path) -> None:
    for number, name in enumerate(("Lena Sommer", "Ada Winter", "")):
        people = f"<ext:PersonInImage>{bag(name)}</ext:PersonInImage>" if name else ""
        spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
        packet = f"<rdf:RDF {spaces}><rdf:Description>{people}</rdf:Description></rdf:RDF>"
        Image.new("RGB", (64, 48), (80 * number, 0, 0)).save(tmp_path / f"{number}.jpg")
        (tmp_path / f"{number}.jpg.xmp").write_text(packet)
    with HybridIndex(None, embedder="colour:lab") as index:
        index.add_folder(tmp_path)
        for found in (
            index.search("lena"),
            index.search('"Lena Sommer"'),
            index.search(filter='people:"lena sommer"'),
            index.search(filter="people:lena*"),
        ):
            assert [hit.source["people"] for hit in found] == [["Lena Sommer"]]
        facets = index.search(filter="_exists_:people", facets=["people"]).facets
        assert facets == {"people": {"ada winter": 1, "lena sommer": 1}}


# -- keywords, stars ---------------------------------------------------------------------------------------------------


def test_every_level_of_every_program_is_a_tag_once() -> None:
    tree = (
        '<mwg-kw:Keywords rdf:parseType="Resource"><mwg-kw:Hierarchy><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<mwg-kw:Keyword>Animals</mwg-kw:Keyword><mwg-kw:Children><rdf:Bag><rdf:li rdf:parseType='Resource'>"
        "<mwg-kw:Keyword>Heron</mwg-kw:Keyword></rdf:li></rdf:Bag></mwg-kw:Children></rdf:li></rdf:Bag>"
        "</mwg-kw:Hierarchy></mwg-kw:Keywords>"
    )
    categories = (
        '&lt;Categories&gt;&lt;Category Assigned="1"&gt;Sport &amp;amp; play&lt;/Category&gt;&lt;/Categories&gt;'
    )
    body = (
        f"<dc:subject>{bag('Paris', 'black/white')}</dc:subject>"
        f"<lr:hierarchicalSubject>{bag('Places|Europe|Paris')}</lr:hierarchicalSubject>"
        f"<digiKam:TagsList><rdf:Seq><rdf:li>places/Europe/Paris</rdf:li></rdf:Seq></digiKam:TagsList>"
        f"<MicrosoftPhoto:LastKeywordXMP>{bag('People/Ada')}</MicrosoftPhoto:LastKeywordXMP>"
        f"<mediapro:CatalogSets>{bag('Trips|2019')}</mediapro:CatalogSets>"
        f"<acdsee:keywords>{bag('regatta')}</acdsee:keywords><acdsee:categories>{categories}</acdsee:categories>{tree}"
    )
    assert fields(body) == {
        "tags": [
            *("Paris", "black/white", "regatta", "Places", "Europe", "People", "Ada", "Trips", "2019"),
            *("Animals", "Heron", "Sport & play"),
        ]
    }


@pytest.mark.parametrize(
    ("attributes", "rating"),
    [
        *(
            (f'MicrosoftPhoto:Rating="{percent}"', star)
            for percent, star in zip((1, 25, 50, 75, 99), range(1, 6), strict=True)
        ),
        ('MicrosoftPhoto:Rating="0"', 0),
        ('MicrosoftPhoto:Rating="40"', 3),
        ('MicrosoftPhoto:Rating="100"', 5),
        ('acdsee:rating="4"', 4),
        ('MicrosoftPhoto:Rating="99" xmp:Rating="2"', 2),
        ('MicrosoftPhoto:Rating="99" xmp:Rating="-1"', -1),
    ],
)
def test_stars(attributes: str, rating: int) -> None:
    assert fields(attributes=attributes) == {"rating": rating}


# -- where, and other words --------------------------------------------------------------------------------------------


def test_no_position() -> None:
    none = 'exif:GPSLatitude="0,0N" exif:GPSLongitude="0,0E"'
    assert fields(attributes=none) == {}
    assert fields(attributes=none + ' exif:GPSAltitude="0/1"') == {"altitude": 0}
    assert fields(attributes=none + ' exif:GPSAltitude="5/1"') == {"altitude": 5, "location": {"lat": 0, "lon": 0}}
    assert fields(attributes='exif:GPSLatitude="0,0N" exif:GPSLongitude="9,30E"') == {
        "location": {"lat": 0, "lon": 9.5}
    }


CREATED = (
    "<ext:LocationCreated><rdf:Bag><rdf:li rdf:parseType='Resource'><ext:City>Chamonix</ext:City>"
    "<ext:CountryCode>fr</ext:CountryCode><ext:CountryName>France</ext:CountryName></rdf:li></rdf:Bag></ext:LocationCreated>"
)
SHOWN = (
    "<ext:LocationShown><rdf:Bag><rdf:li rdf:parseType='Resource'><ext:LocationName><rdf:Alt><rdf:li "
    "xml:lang='x-default'>Mont Blanc</rdf:li></rdf:Alt></ext:LocationName><ext:City>Courmayeur</ext:City>"
    "<ext:CountryName>Italy"
    "</ext:CountryName></rdf:li></rdf:Bag></ext:LocationShown>"
)


def test_the_place_is_of_one_source() -> None:
    created = {"place.city": "Chamonix", "place.country": "France", "place.country_code": "FR"}
    assert fields(CREATED) == created
    assert fields(SHOWN + CREATED) == {**created, "tags": ["Mont Blanc", "Courmayeur"]}
    assert fields(SHOWN) == {"place.city": "Courmayeur", "place.country": "Italy", "tags": ["Mont Blanc"]}
    assert fields(CREATED, 'photoshop:City="Argentière" core:Location="Glacier"') == {
        "place.city": "Argentière",
        "place.sublocation": "Glacier",
    }
    assert fields(CREATED, 'core:Location="Glacier"') == {**created, "place.sublocation": "Glacier"}


def test_the_position_of_the_place_where_it_was_taken() -> None:
    position = "<exif:GPSLatitude>45,55.5N</exif:GPSLatitude><exif:GPSLongitude>6,52E</exif:GPSLongitude>"
    where = f"<ext:City>Chamonix</ext:City>{position}"
    found = fields(CREATED.replace("<ext:City>Chamonix</ext:City>", where))
    # 55.5′ = 0.925°, 52′ = 0.866666667°
    assert found["location"] == pytest.approx({"lat": 45.925, "lon": 6.866666667})
    own = fields(
        CREATED.replace("<ext:City>Chamonix</ext:City>", where), 'exif:GPSLatitude="1,0N" exif:GPSLongitude="2,0E"'
    )
    assert own["location"] == {"lat": 1, "lon": 2}
    assert "location" not in fields(SHOWN.replace("<ext:City>Courmayeur</ext:City>", where))


def test_texts_that_describe() -> None:
    text = '<rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt>'
    alt = f"<core:AltTextAccessibility>{text}</core:AltTextAccessibility>"
    longer = alt.replace("AltText", "ExtDescr").format("She kneels beside it.")
    both = {"alt": "A woman repairs a bicycle\nShe kneels beside it."}
    body = alt.format("A woman repairs a bicycle") + longer
    assert fields(body) == {**both, "caption": "A woman repairs a bicycle"}
    assert fields(body + "<dc:description>At work</dc:description>") == {**both, "caption": "At work"}
    assert fields("<dc:title>A-12</dc:title>", 'photoshop:Headline="Floods"') == {"title": "A-12", "headline": "Floods"}
    assert fields(attributes='photoshop:Headline="Floods"') == {"title": "Floods", "headline": "Floods"}
    own = 'acdsee:caption="rowing boat" acdsee:author="Ana Mora"'
    assert fields(attributes=own) == {"caption": "rowing boat", "artist": "Ana Mora"}
