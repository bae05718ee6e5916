"""Drawing: figures from plain rows, one module per page. Nothing here asks or knows Streamlit."""
