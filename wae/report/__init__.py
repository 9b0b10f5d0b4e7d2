"""Tables, figures and the page of one experiment, from its CSV, JSON and PNG files alone."""
