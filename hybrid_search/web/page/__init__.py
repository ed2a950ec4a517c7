"""The page itself: HTML, styles and JavaScript modules, as browsers get them."""
