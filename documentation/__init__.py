"""Building the documentation site: `docs/` is what people write, this is what is made from code.

``mkdocs.yml`` names :mod:`documentation.hooks`; ``make docs`` builds everything. Nothing of the
product imports this package.
"""
