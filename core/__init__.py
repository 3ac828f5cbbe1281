"""Ground floor: settings, errors, values, keys, database, storage, steps, logs, and the one module that starts programs."""
