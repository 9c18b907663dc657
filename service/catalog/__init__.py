"""The models being served: loaded, swapped when the stores change, blended."""
