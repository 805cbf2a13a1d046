-- One log never has two live stores: what this database is to its ledger (`live`, `arriving`, `sealed`, `backup`, with
-- the name of the copy and where from or to). What is not live is not written, by no process, whatever it believes.
ALTER TABLE store ADD COLUMN custody text NOT NULL DEFAULT 'live';

CREATE FUNCTION refuse_where_not_live(custody text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Those who carry a ledger to here say so on their connections.
    IF custody LIKE 'arriving %' AND current_setting('ledger.carrying', true) = 'on' THEN
        RETURN;
    END IF;
    RAISE EXCEPTION '%', custody USING ERRCODE = 'LG001';
END $$;

-- A commit holds the lock of this row from its checks to its end.
CREATE FUNCTION commit_where_it_lives() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_where_not_live(OLD.custody);
    RETURN NEW;
END $$;

CREATE TRIGGER commits_where_it_lives BEFORE UPDATE OF position ON store
    FOR EACH ROW WHEN (OLD.custody NOT LIKE 'live%') EXECUTE FUNCTION commit_where_it_lives();

-- Beside the log: the lock lets changes run at once, and sealing wait for those that have begun.
CREATE FUNCTION change_where_it_lives() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(119182768956272);
    SELECT custody INTO found FROM store;
    IF found NOT LIKE 'live%' THEN
        PERFORM refuse_where_not_live(found);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER changes_where_it_lives BEFORE INSERT ON logs
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
CREATE TRIGGER changes_where_it_lives BEFORE INSERT OR UPDATE OR DELETE ON secrets
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
CREATE TRIGGER changes_where_it_lives BEFORE INSERT OR UPDATE OR DELETE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
CREATE TRIGGER changes_where_it_lives BEFORE INSERT OR UPDATE OR DELETE ON blobs
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
CREATE TRIGGER changes_where_it_lives BEFORE INSERT ON anchors
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
-- A commit inserts into these under its own lock.
CREATE TRIGGER changes_where_it_lives BEFORE DELETE ON disclosures
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
CREATE TRIGGER changes_where_it_lives BEFORE DELETE ON commands
    FOR EACH STATEMENT EXECUTE FUNCTION change_where_it_lives();
