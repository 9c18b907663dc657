"""Files and pipes of names: read and written in constant memory, whatever their form."""
