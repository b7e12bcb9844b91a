-- min_reader: 1
--
-- The log is the truth, in the order of its commits; everything else is a narrow index over it.
--
-- Positions. A batch moves its heads first, then takes the advisory lock of the log, and only then draws positions
-- from the sequence; the lock is let go when the batch is committed and visible. So positions rise in the order of
-- commits over all processes, and whoever reads up to a position will never find a lower one later. A batch that fails
-- leaves a hole that stays one. A counter row would do the same, but every batch leaves a dead version of it, and
-- under a long snapshot (a dump) each batch would have to step over all of them.
--
-- Heads are updated by every commit. No column that a commit changes stands in an index or in its condition, so these
-- updates stay in their page (HOT). `waiting` is set only when a claim ends, for the same reason.

CREATE SEQUENCE positions AS bigint;

CREATE TABLE sessions (
  session bigint PRIMARY KEY,
  created_at bigint NOT NULL,   -- ms since the epoch, by the creator's clock
  crc bigint NOT NULL,
  body text NOT NULL
);

-- Labels as JSON text each, which holds characters that text columns refuse.
CREATE TABLE labels (
  session bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (session, key)
);

CREATE TABLE heads (
  session bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL CONSTRAINT heads_id UNIQUE,
  token bigint NOT NULL,
  owner bigint,                 -- owners.n; free when NULL, or when that owner's lease is over
  waiting boolean NOT NULL DEFAULT false, -- let go while it owed an input or had a timer
  commits bigint NOT NULL,
  phase text NOT NULL,
  unfinished bigint NOT NULL,
  messages bigint NOT NULL,
  due_at bigint,                -- ms since the epoch
  updated_at bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX heads_owner ON heads (owner) WHERE owner IS NOT NULL;
CREATE INDEX heads_waiting ON heads (id) WHERE waiting;

CREATE TABLE log (
  position bigint PRIMARY KEY,
  session bigint NOT NULL,
  messages bigint NOT NULL,     -- messages in the transcript after this row
  adds boolean NOT NULL,        -- whether it holds messages, or is its session's first
  crc bigint NOT NULL,
  body text NOT NULL
);
-- What sessions that were removed leave behind. The newest position then: the tail does not go back with their rows.
-- The highest of their tokens: who held one may still be about to write, when another session has its id.
CREATE TABLE removed (through bigint NOT NULL, token bigint NOT NULL);
INSERT INTO removed VALUES (0, 0);
CREATE INDEX log_session ON log (session, position);
CREATE INDEX log_messages ON log (session, messages) WHERE adds;

CREATE TABLE refs (
  id bytea PRIMARY KEY,         -- 16 bytes of a UUID, or 0xff and the text of any other id
  session bigint NOT NULL,
  first bigint NOT NULL,
  last bigint
) WITH (fillfactor = 80);
CREATE INDEX refs_session ON refs (session);

CREATE TABLE keys (
  session bigint NOT NULL,
  key text COLLATE "C" NOT NULL, -- JSON text
  input text NOT NULL,
  digest text NOT NULL,
  PRIMARY KEY (session, key)
);

CREATE TABLE journal (
  session bigint NOT NULL,
  work text COLLATE "C" NOT NULL,
  idx bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (session, work, idx)
);

CREATE TABLE snapshots (
  session bigint PRIMARY KEY,
  position bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE blobs (
  digest text COLLATE "C" PRIMARY KEY,
  data bytea NOT NULL
);
CREATE TABLE blob_refs (
  session bigint NOT NULL,
  digest text COLLATE "C" NOT NULL,
  PRIMARY KEY (session, digest)
);
CREATE INDEX blob_refs_digest ON blob_refs (digest);

CREATE TABLE owners (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner text COLLATE "C" NOT NULL UNIQUE,
  pid bigint NOT NULL,
  host text NOT NULL,
  lease_ms bigint NOT NULL,
  expires_at timestamptz NOT NULL -- by this server's clock
);

CREATE TABLE letters (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  session bigint NOT NULL,
  body text NOT NULL,
  answer text,
  expires_at timestamptz NOT NULL
);
CREATE INDEX letters_session ON letters (session);
CREATE INDEX letters_expires_at ON letters (expires_at);

-- Held while positions are drawn, to the end of the transaction. Its key is this schema's log.
CREATE FUNCTION lock_positions() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock((1835753844::bigint << 32) | 'log'::regclass::oid::bigint);
END $$;

-- Commits of distinct sessions. Each stands or is refused by itself; a row that exists already fails them all.
-- What belongs to a commit names it by its place, from 1.
CREATE FUNCTION write_commits(
  _ids text[], _tokens bigint[], _commits bigint[], _phases text[], _unfinished bigint[], _messages bigint[],
  _ats bigint[], _dues bigint[], _adds boolean[], _crcs bigint[], _bodies text[],
  _open_at integer[], _open_id bytea[], _open_closes boolean[], _close_at integer[], _close_id bytea[],
  _key_at integer[], _key text[], _key_input text[], _key_digest text[],
  _drop_at integer[], _drop_work text[],
  _put_at integer[], _put_work text[], _put_idx bigint[], _put_crc bigint[], _put_body text[],
  _snapshot_at integer[], _snapshot_crc bigint[], _snapshot_body text[],
  _blob_at integer[], _blob_digest text[], _blob_data bytea[],
  _channel text, _notice text
) RETURNS TABLE (place integer, "position" bigint, token bigint, refusal text, owner text, pid bigint, host text,
  commits bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _count integer := cardinality(_ids);
  _done integer[];
  _moved bigint[];
  _held bigint[];
  _sessions bigint[] := array_fill(NULL::bigint, ARRAY[_count]);
  _positions bigint[] := array_fill(NULL::bigint, ARRAY[_count]);
  _current bigint[] := array_fill(NULL::bigint, ARRAY[_count]);
BEGIN
  -- In the order of ids, so that two processes never wait for each other.
  WITH moved AS (
    UPDATE heads h
    SET commits = g.commits, phase = g.phase, unfinished = g.unfinished, messages = g.messages, due_at = g.due,
      updated_at = g.at, token = CASE g.token WHEN 0 THEN r.token + 1 ELSE h.token END
    FROM removed r, (
      SELECT * FROM unnest(_ids, _tokens, _commits, _phases, _unfinished, _messages, _ats, _dues)
        WITH ORDINALITY AS u(id, token, commits, phase, unfinished, messages, at, due, i)
      ORDER BY u.id
    ) g
    WHERE h.id = g.id AND h.token = g.token AND h.commits < g.commits
    RETURNING g.i::integer AS i, h.session, h.token
  )
  SELECT array_agg(m.i ORDER BY m.i), array_agg(m.session ORDER BY m.i), array_agg(m.token ORDER BY m.i)
    INTO _done, _moved, _held FROM moved m;

  IF _done IS NOT NULL THEN
    PERFORM lock_positions();
    FOR k IN 1 .. cardinality(_done) LOOP
      _sessions[_done[k]] := _moved[k];
      _positions[_done[k]] := nextval('positions'::regclass);
      _current[_done[k]] := _held[k];
    END LOOP;
    INSERT INTO log (position, session, messages, adds, crc, body)
      SELECT u.position, u.session, u.messages, u.adds, u.crc, u.body
      FROM unnest(_positions, _sessions, _messages, _adds, _crcs, _bodies)
        AS u(position, session, messages, adds, crc, body)
      WHERE u.position IS NOT NULL;
    IF _open_at IS NOT NULL THEN
      INSERT INTO refs (id, session, first, last)
        SELECT u.id, _sessions[u.at], _positions[u.at], CASE WHEN u.closes THEN _positions[u.at] END
        FROM unnest(_open_at, _open_id, _open_closes) AS u(at, id, closes) WHERE _positions[u.at] IS NOT NULL;
    END IF;
    IF _close_at IS NOT NULL THEN
      INSERT INTO refs (id, session, first, last)
        SELECT u.id, _sessions[u.at], _positions[u.at], _positions[u.at]
        FROM unnest(_close_at, _close_id) AS u(at, id) WHERE _positions[u.at] IS NOT NULL
        ON CONFLICT (id) DO UPDATE SET last = excluded.last;
    END IF;
    IF _key_at IS NOT NULL THEN
      INSERT INTO keys (session, key, input, digest)
        SELECT _sessions[u.at], u.key, u.input, u.digest
        FROM unnest(_key_at, _key, _key_input, _key_digest) AS u(at, key, input, digest)
        WHERE _positions[u.at] IS NOT NULL;
    END IF;
    IF _drop_at IS NOT NULL THEN
      DELETE FROM journal j USING unnest(_drop_at, _drop_work) AS u(at, work)
        WHERE j.session = _sessions[u.at] AND j.work = u.work;
    END IF;
    IF _put_at IS NOT NULL THEN
      INSERT INTO journal (session, work, idx, crc, body)
        SELECT _sessions[u.at], u.work, u.idx, u.crc, u.body
        FROM unnest(_put_at, _put_work, _put_idx, _put_crc, _put_body) AS u(at, work, idx, crc, body)
        WHERE _positions[u.at] IS NOT NULL
        ON CONFLICT (session, work, idx) DO UPDATE SET crc = excluded.crc, body = excluded.body;
    END IF;
    IF _snapshot_at IS NOT NULL THEN
      INSERT INTO snapshots (session, position, crc, body)
        SELECT _sessions[u.at], _positions[u.at], u.crc, u.body
        FROM unnest(_snapshot_at, _snapshot_crc, _snapshot_body) AS u(at, crc, body)
        WHERE _positions[u.at] IS NOT NULL
        ON CONFLICT (session) DO UPDATE
          SET position = excluded.position, crc = excluded.crc, body = excluded.body;
    END IF;
    IF _blob_at IS NOT NULL THEN
      -- `remove_session` takes the lock of positions too, so it can't forget a blob that is being referred to.
      INSERT INTO blobs (digest, data)
        SELECT DISTINCT ON (u.digest) u.digest, u.data FROM unnest(_blob_at, _blob_digest, _blob_data) AS u(at, digest, data)
        WHERE _positions[u.at] IS NOT NULL ON CONFLICT DO NOTHING;
      INSERT INTO blob_refs (session, digest)
        SELECT _sessions[u.at], u.digest FROM unnest(_blob_at, _blob_digest) AS u(at, digest)
        WHERE _positions[u.at] IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    PERFORM pg_notify(_channel, _positions[_done[cardinality(_done)]] || ' ' || _notice);
  END IF;

  IF _done IS NOT NULL AND cardinality(_done) = _count THEN
    RETURN QUERY SELECT u.i::integer, u.position, u.token, NULL::text, NULL::text, NULL::bigint, NULL::text, NULL::bigint
      FROM unnest(_positions, _current) WITH ORDINALITY AS u(position, token, i);
  ELSE
    RETURN QUERY SELECT u.i::integer, u.position, u.token,
        CASE WHEN u.position IS NOT NULL THEN NULL WHEN h.session IS NULL THEN 'missing'
          WHEN h.token <> _tokens[u.i] THEN 'token' ELSE 'turn' END,
        o.owner, o.pid, o.host, h.commits
      FROM unnest(_positions, _current) WITH ORDINALITY AS u(position, token, i)
      LEFT JOIN heads h ON h.id = _ids[u.i] LEFT JOIN owners o ON o.n = h.owner;
  END IF;
END $$;

-- Claims are for owners that are there: one that was swept while its process slept has to register again. The rows are
-- locked, so that a sweep can't end them before the claim stands.
CREATE FUNCTION demand_owners(_owners bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM owners o WHERE o.n = ANY (_owners) ORDER BY o.n FOR KEY SHARE;
  IF EXISTS (SELECT 1 FROM unnest(_owners) AS u(n) WHERE NOT EXISTS (SELECT 1 FROM owners o WHERE o.n = u.n)) THEN
    RAISE EXCEPTION 'an owner is not registered' USING ERRCODE = 'MK001';
  END IF;
END $$;

-- Births; their first commits follow in the same transaction, under token 0, and give them their first token. That is a
-- statement of its own: if the id was being removed, it was waited for here, and what it left behind is seen there.
CREATE FUNCTION open_sessions(
  _ids text[], _owners bigint[], _commits bigint[], _created bigint[], _crcs bigint[], _bodies text[],
  _label_at integer[], _label_key text[], _label_value text[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _sessions bigint[];
BEGIN
  PERFORM demand_owners(_owners);
  WITH born AS (
    INSERT INTO heads (id, token, owner, commits, phase, unfinished, messages, updated_at)
      SELECT u.id, 0, u.owner, u.commits, '', 0, 0, 0 FROM unnest(_ids, _owners, _commits) AS u(id, owner, commits)
      RETURNING session, id
  )
  SELECT array_agg(b.session ORDER BY array_position(_ids, b.id)) INTO _sessions FROM born b;
  INSERT INTO sessions (session, created_at, crc, body)
    SELECT * FROM unnest(_sessions, _created, _crcs, _bodies);
  IF _label_at IS NOT NULL THEN
    INSERT INTO labels (session, key, value)
      SELECT _sessions[u.at], u.key, u.value FROM unnest(_label_at, _label_key, _label_value) AS u(at, key, value);
  END IF;
END $$;

-- Claims, one after the other in the order of ids.
CREATE FUNCTION claim_sessions(_ids text[], _owners bigint[])
RETURNS TABLE (place integer, token bigint, refusal text, owner text, pid bigint, host text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _i integer;
  _head record;
  _holder record;
BEGIN
  PERFORM demand_owners(_owners);
  FOR _i IN SELECT u.i FROM unnest(_ids) WITH ORDINALITY AS u(id, i) ORDER BY u.id LOOP
    SELECT h.session, h.token, h.owner INTO _head FROM heads h WHERE h.id = _ids[_i] FOR UPDATE;
    IF NOT FOUND THEN
      RETURN QUERY SELECT _i, NULL::bigint, 'missing', NULL::text, NULL::bigint, NULL::text;
      CONTINUE;
    END IF;
    IF _head.owner IS NOT NULL AND _head.owner <> _owners[_i] THEN
      -- Locked, so that a renewal which is being committed counts.
      SELECT o.owner, o.pid, o.host INTO _holder FROM owners o
        WHERE o.n = _head.owner AND o.expires_at > clock_timestamp() FOR SHARE;
      IF FOUND THEN
        RETURN QUERY SELECT _i, NULL::bigint, 'held', _holder.owner, _holder.pid, _holder.host;
        CONTINUE;
      END IF;
    END IF;
    UPDATE heads h SET token = h.token + 1, owner = _owners[_i], waiting = false WHERE h.session = _head.session;
    RETURN QUERY SELECT _i, _head.token + 1, NULL::text, NULL::text, NULL::bigint, NULL::text;
  END LOOP;
END $$;

-- The token rises, so that a commit which is still under way under the claim is refused.
CREATE FUNCTION release_sessions(_ids text[], _tokens bigint[], _channel text, _notice text)
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _waiting boolean;
BEGIN
  WITH freed AS (
    UPDATE heads h SET token = h.token + 1, owner = NULL, waiting = h.unfinished > 0 OR h.due_at IS NOT NULL
    FROM (SELECT * FROM unnest(_ids, _tokens) AS u(id, token) ORDER BY u.id) g
    WHERE h.id = g.id AND h.token = g.token
    RETURNING h.waiting
  )
  SELECT bool_or(f.waiting) INTO _waiting FROM freed f;
  IF _waiting THEN
    PERFORM pg_notify(_channel, '0 ' || _notice);
  END IF;
END $$;

CREATE FUNCTION amend_rows(_id text, _token bigint, _positions bigint[], _crcs bigint[], _bodies text[])
RETURNS TABLE (refusal text, owner text, pid bigint, host text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _head record;
BEGIN
  SELECT h.session, h.token, h.owner INTO _head FROM heads h WHERE h.id = _id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'missing', NULL::text, NULL::bigint, NULL::text;
  ELSIF _head.token <> _token THEN
    RETURN QUERY SELECT 'token', o.owner, o.pid, o.host FROM (SELECT 1) one LEFT JOIN owners o ON o.n = _head.owner;
  ELSE
    UPDATE log l SET crc = u.crc, body = u.body FROM unnest(_positions, _crcs, _bodies) AS u(position, crc, body)
      WHERE l.position = u.position AND l.session = _head.session;
  END IF;
END $$;

CREATE FUNCTION remove_session(_id text, _token bigint)
RETURNS TABLE (refusal text, owner text, pid bigint, host text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _head record;
  _digests text[];
BEGIN
  SELECT h.session, h.token, h.owner INTO _head FROM heads h WHERE h.id = _id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'missing', NULL::text, NULL::bigint, NULL::text;
  ELSIF _head.token <> _token THEN
    RETURN QUERY SELECT 'token', o.owner, o.pid, o.host FROM (SELECT 1) one LEFT JOIN owners o ON o.n = _head.owner;
  ELSE
    PERFORM lock_positions();
    UPDATE removed SET through = greatest(through, (SELECT coalesce(max(position), 0) FROM log)),
      token = greatest(token, _head.token);
    DELETE FROM log WHERE session = _head.session;
    DELETE FROM refs WHERE session = _head.session;
    DELETE FROM keys WHERE session = _head.session;
    DELETE FROM journal WHERE session = _head.session;
    DELETE FROM snapshots WHERE session = _head.session;
    DELETE FROM letters WHERE session = _head.session;
    DELETE FROM labels WHERE session = _head.session;
    WITH dropped AS (DELETE FROM blob_refs WHERE session = _head.session RETURNING digest)
      SELECT array_agg(d.digest) INTO _digests FROM dropped d;
    DELETE FROM blobs b WHERE b.digest = ANY (_digests)
      AND NOT EXISTS (SELECT 1 FROM blob_refs r WHERE r.digest = b.digest);
    DELETE FROM sessions WHERE session = _head.session;
    DELETE FROM heads WHERE session = _head.session;
  END IF;
END $$;

-- A runtime shows that it lives; answers its number.
CREATE FUNCTION register_owner(_owner text, _pid bigint, _host text, _lease_ms bigint)
RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO owners (owner, pid, host, lease_ms, expires_at)
    VALUES (_owner, _pid, _host, _lease_ms, clock_timestamp() + _lease_ms * interval '1 ms')
    ON CONFLICT (owner) DO UPDATE SET pid = excluded.pid, host = excluded.host, lease_ms = excluded.lease_ms,
      expires_at = excluded.expires_at
    RETURNING n;
$$;

-- Renews leases. Owners whose lease was over come with `lapsed`; those that are missing were swept.
CREATE FUNCTION renew_owners(_owners bigint[]) RETURNS TABLE (n bigint, lapsed boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _owner record;
BEGIN
  FOR _owner IN SELECT o.n, o.expires_at <= clock_timestamp() AS lapsed FROM owners o
    WHERE o.n = ANY (_owners) ORDER BY o.n FOR UPDATE LOOP
    UPDATE owners o SET expires_at = clock_timestamp() + o.lease_ms * interval '1 ms' WHERE o.n = _owner.n;
    RETURN QUERY SELECT _owner.n, _owner.lapsed;
  END LOOP;
END $$;

-- Ends claims of these owners, and the owners. Heads first, as everywhere.
CREATE FUNCTION end_owners(_owners bigint[], _channel text, _notice text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _waiting boolean;
BEGIN
  PERFORM 1 FROM heads h WHERE h.owner = ANY (_owners) ORDER BY h.id FOR UPDATE;
  WITH freed AS (
    UPDATE heads h SET token = h.token + 1, owner = NULL, waiting = h.unfinished > 0 OR h.due_at IS NOT NULL
    WHERE h.owner = ANY (_owners)
    RETURNING h.waiting
  )
  SELECT bool_or(f.waiting) INTO _waiting FROM freed f;
  DELETE FROM owners o WHERE o.n = ANY (_owners);
  IF _waiting THEN
    PERFORM pg_notify(_channel, '0 ' || _notice);
  END IF;
END $$;

-- Tidies up behind owners that have been silent for five leases, and forgets letters nobody will ask for.
CREATE FUNCTION sweep(_channel text, _notice text) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _gone bigint[];
BEGIN
  SELECT array_agg(o.n ORDER BY o.n) INTO _gone FROM owners o
    WHERE o.expires_at + 4 * o.lease_ms * interval '1 ms' < clock_timestamp();
  IF _gone IS NOT NULL THEN
    PERFORM end_owners(_gone, _channel, _notice);
  END IF;
  DELETE FROM letters WHERE expires_at < clock_timestamp() - interval '10 minutes';
END $$;

-- `missing` when there is no such session.
CREATE FUNCTION post_letter(_id text, _session text, _body text, _ttl_ms bigint, _channel text, _notice text)
RETURNS TABLE (refusal text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _number bigint;
BEGIN
  -- Locked, so that the letter does not outlive the session.
  SELECT h.session INTO _number FROM heads h WHERE h.id = _session FOR KEY SHARE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'missing';
    RETURN;
  END IF;
  INSERT INTO letters (id, session, body, expires_at)
    VALUES (_id, _number, _body, clock_timestamp() + _ttl_ms * interval '1 ms') ON CONFLICT (id) DO NOTHING;
  IF FOUND THEN
    PERFORM pg_notify(_channel, '0 ' || _notice);
  END IF;
END $$;

-- Answers the session whose letter it was.
CREATE FUNCTION answer_letter(_id text, _answer text, _channel text, _origin text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  _session text;
BEGIN
  UPDATE letters l SET answer = _answer FROM heads h
    WHERE l.id = _id AND l.answer IS NULL AND h.session = l.session RETURNING h.id INTO _session;
  IF FOUND THEN
    PERFORM pg_notify(_channel, '0 ' || left(json_build_object('o', _origin, 'a', 'mail', 's', json_build_array(_session))::text, 7000));
    RETURN NEXT _session;
  END IF;
END $$;
