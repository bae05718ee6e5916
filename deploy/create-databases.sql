-- PostgreSQL runs this once, in the database of the role, when its volume is new.
CREATE DATABASE dagster;
CREATE DATABASE mlflow;
