"""Models: what turns a panel into log sales, and what turns log sales into an honest forecast.

``base`` is the interface that every model keeps, ``families`` has one module a model;
``baselines`` are the references that are always scored beside them; ``calibration`` holds bias and
intervals; ``bundle`` is the folder in which a fitted model travels. Nothing here reads the
warehouse.
"""
