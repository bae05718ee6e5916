"""Provide what all packages use: settings, parameters, errors, atomic files, digests.

Modules here import no other package of `rossmann_ml`.
"""
