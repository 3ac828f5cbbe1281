-- Whose turn it is: the queue of steps is shared fairly by owners (docs/architecture.md, "Whose turn it is").

-- Of the asset's owner. Filled here where it is not given, so that programs of the release before go on queueing steps.
ALTER TABLE steps ADD COLUMN owner_id text REFERENCES owners (id);
UPDATE steps SET owner_id = assets.owner_id FROM assets WHERE assets.id = steps.asset_id;
ALTER TABLE steps ALTER COLUMN owner_id SET NOT NULL;

CREATE FUNCTION steps_have_an_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.owner_id := (SELECT owner_id FROM assets WHERE id = NEW.asset_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER steps_have_an_owner BEFORE INSERT ON steps
    FOR EACH ROW WHEN (NEW.owner_id IS NULL) EXECUTE FUNCTION steps_have_an_owner();

-- Which owners have something queued of a kind is read by hopping from owner to owner.
CREATE INDEX steps_waiting ON steps (kind, owner_id, due_at, id) WHERE state = 'queued';

-- An owner's share of the workers, relative to those of others. All are equal until there are tiers.
ALTER TABLE owners ADD COLUMN weight double precision NOT NULL DEFAULT 1 CHECK (weight > 0);

-- Stride scheduling: the owner with the least `pass` is next, and each claim moves its pass on by cost / weight.
CREATE TABLE turns (
    owner_id    text NOT NULL REFERENCES owners (id),
    slots       text NOT NULL,                        -- the class of steps (core.step_kinds.SlotClass)
    pass        double precision NOT NULL,
    begun_at    double precision NOT NULL,            -- the pass at which the last claim began: the time of the class
    expected_s  double precision NOT NULL,            -- what a step costs, from those that have ended
    claimed_at  timestamptz NOT NULL,
    PRIMARY KEY (owner_id, slots)
);
CREATE INDEX turns_newest ON turns (slots, claimed_at DESC);
