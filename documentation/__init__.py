"""Build the documentation site from ``docs/`` and from the code.

``mkdocs.yml`` names :mod:`documentation.hooks`, which ``make docs`` runs. The product never imports
this package.
"""
