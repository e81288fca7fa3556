//! What people read: `report.md`, `report.html` and the cells as CSV.
