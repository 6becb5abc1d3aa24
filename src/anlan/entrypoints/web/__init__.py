"""Pages and the middleware under which every request runs."""
