"""image-match's two classes on top of `HybridIndex`: the calls and results of that library, on current back ends.

`SignatureES` and `ImageSignature` are named, called and answered as in the project image-match (EdjoLabs), so that
they keep its order of arguments. docs/image-match.md says what differs.
"""

from hybrid_search.image_match.generator import ImageSignature
from hybrid_search.image_match.store import SignatureES

__all__ = ["ImageSignature", "SignatureES"]
