"""How the embedded weights are made, one package for each; never imported by the app."""
