"""The pages. Each is run by Streamlit when the address names it, and can be imported.

The folder is not called ``pages``: Streamlit would offer its files by itself, without the door.
"""
