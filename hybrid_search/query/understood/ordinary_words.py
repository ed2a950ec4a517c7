"""Words that are names too, and are taken for names only where the text says so; words that connect parts.

No library knows which of an index's own names are ordinary words of people who type. What is missing here costs a line
that says what was understood; what is here too often costs nothing, as exact matches come first anyway.
"""

from __future__ import annotations

NAME_PARTICLES = frozenset(
    "van von de da der den di del des du la le les el al bin ibn san st saint mc mac dr mr mrs ms jr sr and und et y "
    "of the".split()
)
"""What stands in names and names nobody."""

COMMON_CAMERA_WORDS = frozenset(
    "air apple black blade blue color colour compact cyber digital dual edge find flash flip fold gold green hd hero "
    "honor kit leaf lens light lite magic mark mate max mi mini moto neo note nova one original phantom phone pixel "
    "plus pro red scan scanner silver smart spark sport standard star super tough tour ultra wide white zoom camera "
    "photo series nothing general".split()
)
"""Words in names of cameras that alone say no camera: "hero" is a person, "apple" a fruit."""

GERMAN_NOUNS = frozenset(
    "baum berg blum engel fischer hahn herbst hirsch kaiser koch konig lang sommer schneider schwarz stein stern vogel "
    "wald weiss winter wolf essen halle hof rot rose rosen mai".split()
)
"""Names that are ordinary words of a language in which every noun has a capital letter."""

ORDINARY_NAMES = GERMAN_NOUNS | frozenset(
    # towns and countries
    "angers bank bath battle beer bend bury chile china cork deal diss eye flint grand ham hell hook "
    "hope hull independence java jersey lake lens lima limerick male man march mobile nancy nice ash orange phoenix "
    "post reading rye sand sandwich split street tours turkey wells wool buffalo bologna florence victoria "
    # people
    "amber april art august autumn baker ball banks basil bell best bill bird bishop black brook brooks "
    "brown bush butler carpenter carter case castle chance chase christian church clay cliff cook crane cross daisy "
    "dale dawn day dean drew faith farmer field fields finch fish fisher flowers forest fox frank frost gene ginger "
    "glen gold grace gray green grey guy hall hazel heath hill hills holly house hunter iris ivy jack jade jay "
    "joy june king klein lake lamb lily long love mark marsh mason max may miles miller moon olive "
    "page park parks pat pearl porter potter price prince queen rain ray rich river rivers rob robin rosemary "
    "ruby rusty sage sandy short silver sky small snow star stone strong sue summer sun "
    "sunny swan tailor taylor violet walker weaver white will winters wood woods wren "
    "young".split()
)

IN_WORDS = frozenset(
    "in im at near around inside from during over within throughout on zu an am ans bei aus nach um vom a à au aux en "
    "dans de d du del della nel nella em no na pendant depuis durante desde cerca".split()
)
"""What stands before a place or a time."""
WITH_WORDS = frozenset("with using by on of and mit von vom und auf avec par de d et con por y com per e".split())
"""What stands before a person or a camera."""
ARTICLES = frozenset(
    "the a an my our your his her their this that der die das den dem des ein eine einem einer mein meine meinem "
    "meiner unser unsere le la les l un une mon ma mes el los las una mi mis il lo gli i uno".split()
)
TAKEN_WORDS = frozenset(
    "taken shot made captured photographed snapped aufgenommen fotografiert gemacht pris prise prises prisees "
    "photographie photographiees tomada tomadas tomado tomados hecha hechas scattata scattate".split()
)
PICTURE_WORDS = frozenset(
    "photo photos photograph photographs picture pictures pic pics image images shot shots snap snaps snapshot "
    "snapshots foto fotos bild bilder aufnahme aufnahmen imagen imagenes immagini fotografia fotografias fotografie "
    "fotografien".split()
)
AND_WORDS = frozenset(
    "and und et y e & + with of mit von vom avec de con from aus in at im showing but aber mais pero".split()
)
LEADING_WORDS = frozenset("show me find all all the my alle meine mes toutes todas mis search".split())
