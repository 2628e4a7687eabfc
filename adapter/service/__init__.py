"""Jobs as the page, the API and the command line see them."""
