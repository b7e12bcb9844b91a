-- min_reader: 1
--
-- Small facts that belong to no session, each with its holder: what `store.registry` shows. A release that knows only
-- step 1 goes on beside this one; it neither reads nor writes these, and passes over notices about them.

-- Never given twice, so that a version is a fencing token also for a key that was removed and written anew.
CREATE SEQUENCE registry_versions AS bigint;

CREATE TABLE registry (
  key text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  owner text,                   -- owners.owner; nobody when NULL, and a dead one when that row is gone or its lease over
  body text NOT NULL
);

-- The new version, 0 when the entry was removed, NULL when it is not of this version.
CREATE FUNCTION swap_entry(_key text, _version bigint, _body text, _owner text, _channel text, _notice text)
RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _given bigint;
BEGIN
  IF _body IS NULL THEN
    DELETE FROM registry r WHERE r.key = _key AND r.version = _version RETURNING 0 INTO _given;
    IF NOT FOUND AND _version = 0 AND NOT EXISTS (SELECT 1 FROM registry r WHERE r.key = _key) THEN
      RETURN 0;
    END IF;
  ELSIF _version = 0 THEN
    INSERT INTO registry (key, version, owner, body) VALUES (_key, nextval('registry_versions'), _owner, _body)
      ON CONFLICT (key) DO NOTHING RETURNING version INTO _given;
  ELSE
    UPDATE registry r SET version = nextval('registry_versions'), owner = _owner, body = _body
      WHERE r.key = _key AND r.version = _version RETURNING r.version INTO _given;
  END IF;
  IF _given IS NOT NULL THEN
    PERFORM pg_notify(_channel, '0 ' || _notice);
  END IF;
  RETURN _given;
END $$;
