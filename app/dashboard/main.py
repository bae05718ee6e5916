"""Start the dashboard: show the menu of pages and the page that the address names.

``rossmann dashboard`` runs it with Data Docs; ``streamlit run app/dashboard/main.py`` without.
"""

from __future__ import annotations

from pathlib import Path

from rossmann_ml.base import process

process.prepare()

import streamlit as st  # noqa: E402 - reads the environment when it is imported

from app.dashboard.page import pages  # noqa: E402

if __name__ == "__main__":
    # a local file, because Streamlit downloads the image of a named icon
    icon = Path(__file__).with_name("icon.svg")
    st.set_page_config("Sales forecasts", page_icon=str(icon), layout="wide")
    menu = [
        st.Page(f"views/{name}/view.py", title=page.title, url_path=name, default=not number)
        for number, (name, page) in enumerate(pages().items())
    ]
    st.navigation(menu, position="top").run()
