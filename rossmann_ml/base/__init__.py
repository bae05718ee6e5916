"""What every package needs: settings, parameters, errors, atomic files."""
