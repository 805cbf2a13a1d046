//! Icons: one path each, drawn by the sheet's `icon` class.

/// The outline of an icon in a box of 24 by 24.
pub fn icon(name: &str) -> &'static str {
    match name {
        "ledger" => "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11M9 8h6",
        "overview" => "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
        "live" => "M3 12h4l3-8 4 16 3-8h4",
        "evidence" => "M7 3h7l5 5v13H7zM14 3v5h5M10 13h6M10 17h6",
        "framework" => "M4 5h16M4 12h16M4 19h16M8 5v14",
        "probe" => {
            "M12 12m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M7.5 16.5a6.4 6.4 0 0 1 0-9M16.5 7.5a6.4 6.4 0 0 1 0 9M4.7 19.3a10.3 10.3 0 0 1 0-14.6M19.3 4.7a10.3 10.3 0 0 1 0 14.6"
        }
        "integration" => "M9 7V3M15 7V3M6 7h12v4a6 6 0 0 1-12 0zM12 17v4",
        "task" => "M5 4h14v16H5zM8.5 12l2.5 2.5L15.5 9.5",
        "ticket" => "M4 8V6h16v2a2.5 2.5 0 0 0 0 8v2H4v-2a2.5 2.5 0 0 0 0-8M14 6v12",
        "work" => "M12 3v4M12 17v4M3 12h4M17 12h4M12 12m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
        "audit" => "M10.5 10.5m-6.5 0a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0M15.5 15.5L21 21",
        "key" => "M8 15m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M11 12l8-8M16 7l3 3",
        "export" => "M12 3v12M7 10l5 5 5-5M4 20h16",
        "bell" => "M6 16V10a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
        "tenant" => "M4 21V6l8-3 8 3v15M9 21v-5h6v5M9 9h.01M15 9h.01M9 12h.01M15 12h.01",
        "theme" => "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
        "leave" => "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
        "enter" => "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
        "seal" => "M12 3l7 3v6c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6zM9 12l2 2 4-4",
        "next" => "M9 5l7 7-7 7",
        "back" => "M15 5l-7 7 7 7",
        "first" => "M18 5l-7 7 7 7M6 5v14",
        "check" | "pass" => "M4 12l5 5L20 6",
        "fail" => "M5 5l14 14M19 5L5 19",
        "alert" | "error" => "M12 4v10M12 19v.01",
        "stale" => "M12 12m-9 0a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7v5l3 3",
        "inconclusive" => "M8 8a4 4 0 1 1 5.5 4c-1 .5-1.5 1-1.5 2.5M12 19v.01",
        "not_applicable" => "M5 12h14",
        _ => "M12 12m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0",
    }
}
