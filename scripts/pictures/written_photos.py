"""Photos of the shared Flickr8k sample with legible text in them, by eye: what is read there is no false reading.

Of the photos in which something was read, each was looked at with a frame around what was read. It is no list of all
photos with text.
"""

WITH_TEXT = frozenset(
    {
        "1052358063_eae6744153",  # the sign of a street
        "1191338263_a4fa073154",  # a brand on a screen
        "1295671216_cde1b9c9d1",  # a sign: sale
        "130211457_be3f6b335d",  # a sign: RPM
        "1329832826_432538d331",  # neon: Broadway, Rite Aid
        "1342780478_bacc32344d",  # a shop: The Donut Man
        "141755290_4b954529f3",  # a sign: tips
        "1425919702_ddb761aeec",  # an ice rink: Tim Hortons
        "1452361926_6d8c535e32",  # a bib: OshKosh
        "157139628_5dc483e2e4",  # written in sand: OPEN
        "1643915227_9f48068772",  # a bus: Meet
        "169490297_b6ff13632a",  # a pullover
        "1787222774_d5c68cce53",  # a number plate
        "1806580620_a8fe0fb9f8",  # a ribbon: 1-800-USA-NAVY
        "1859726819_9a793b3b44",  # neon: red light
        "1859941832_7faf6e5fa9",  # banners: cynosport, information
        "1977827746_4e13d7e19f",  # a brand: little tikes
        "2021613437_d99731f986",  # a shirt: youth
        "2041867793_552819a40b",  # a helmet: emergency
        "2054869561_ff723e9eab",  # a banner
        "2077346067_0a3a5aae65",  # a poster of the police
        "2087317114_cf06df5aa5",  # the maker of a boat
        "2092870249_90e3f1855b",  # a number plate
        "2098418613_85a0c9afea",  # a number plate
    }
)
