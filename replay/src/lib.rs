//! The auditor's offline tool: verify, rebuild, as-of, diff.
