"""`training`, `recipes`, `names` and `lists`: what training reaches, how soon, and how like the list its names are."""
