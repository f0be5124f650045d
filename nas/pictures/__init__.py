"""Pictures of what is in an archive; the command line, the report and the web page show them."""
