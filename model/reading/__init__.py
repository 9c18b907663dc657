"""Lists of names as people have them: text, CSV, JSON, in any encoding, told by their content.

`asked.py` is what a person may say of a list, `source.py` opens it, `layout.py` tells its form, `rows.py` reads it.
"""
