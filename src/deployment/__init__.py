"""Use a trained network elsewhere: as a module, in files of other formats, on a page."""
