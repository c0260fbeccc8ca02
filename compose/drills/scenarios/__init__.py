"""One file a drill: each defines a module-level `DRILL`."""
