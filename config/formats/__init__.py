"""How Django writes dates and times, for each language (`FORMAT_MODULE_PATH`)."""
