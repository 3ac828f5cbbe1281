"""Ground floor: settings, errors, values, keys, database, storage, steps, logs, starting other programs."""
