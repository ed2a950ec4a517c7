"""What commands write: hits in every form, contact sheets, progress, help pages, files."""
