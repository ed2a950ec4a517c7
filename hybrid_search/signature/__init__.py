"""The Goldberg signature of a picture, and of the picture turned and mirrored."""
