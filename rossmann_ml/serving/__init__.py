"""Read published data, for the API, the dashboard and commands.

``contract`` defines the published tables, ``generations`` finds and opens the database files,
``status`` reads what happened since the last publication, ``what_if`` forecasts a changed plan, and
``report_files`` names the HTML reports.
"""
