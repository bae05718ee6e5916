"""Publishing: the read-only generations that everyone reads, and the pointer to the current one.

``identity`` says which generation the warehouse gives, ``continuity`` how far its totals moved,
``writer`` writes it, ``audit`` decides whether it may be served, ``retention`` and ``vintages``
decide what stays, ``summary`` tells what is current, ``exports`` writes cleaned tables as Parquet,
and ``publishing`` runs the steps in their order. What readers may use is
:mod:`rossmann_ml.serving`.
"""
