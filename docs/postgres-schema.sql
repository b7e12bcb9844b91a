-- The schema of the PostgreSQL store after every migration. Made by `npm run schema`.

CREATE SEQUENCE positions AS bigint;

CREATE SEQUENCE registry_versions AS bigint;

CREATE TABLE blob_refs (
  session bigint NOT NULL,
  digest text COLLATE "C" NOT NULL,
  CONSTRAINT blob_refs_pkey PRIMARY KEY (session, digest)
);

CREATE TABLE blobs (
  digest text COLLATE "C" NOT NULL,
  data bytea NOT NULL,
  CONSTRAINT blobs_pkey PRIMARY KEY (digest)
);

CREATE TABLE heads (
  session bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" NOT NULL,
  token bigint NOT NULL,
  owner bigint,
  waiting boolean NOT NULL DEFAULT false,
  commits bigint NOT NULL,
  phase text NOT NULL,
  unfinished bigint NOT NULL,
  messages bigint NOT NULL,
  due_at bigint,
  updated_at bigint NOT NULL,
  CONSTRAINT heads_id UNIQUE (id),
  CONSTRAINT heads_pkey PRIMARY KEY (session)
) WITH (fillfactor=50);

CREATE TABLE journal (
  session bigint NOT NULL,
  work text COLLATE "C" NOT NULL,
  idx bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL,
  CONSTRAINT journal_pkey PRIMARY KEY (session, work, idx)
);

CREATE TABLE keys (
  session bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  input text NOT NULL,
  digest text NOT NULL,
  CONSTRAINT keys_pkey PRIMARY KEY (session, key)
);

CREATE TABLE labels (
  session bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  CONSTRAINT labels_pkey PRIMARY KEY (session, key)
);

CREATE TABLE letters (
  n bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" NOT NULL,
  session bigint NOT NULL,
  body text NOT NULL,
  answer text,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT letters_id_key UNIQUE (id),
  CONSTRAINT letters_pkey PRIMARY KEY (n)
);

CREATE TABLE log (
  position bigint NOT NULL,
  session bigint NOT NULL,
  messages bigint NOT NULL,
  adds boolean NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL,
  CONSTRAINT log_pkey PRIMARY KEY ("position")
);

CREATE TABLE migrations (
  version integer NOT NULL,
  name text NOT NULL,
  min_reader integer NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT migrations_pkey PRIMARY KEY (version)
);

CREATE TABLE owners (
  n bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  owner text COLLATE "C" NOT NULL,
  pid bigint NOT NULL,
  host text NOT NULL,
  lease_ms bigint NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT owners_owner_key UNIQUE (owner),
  CONSTRAINT owners_pkey PRIMARY KEY (n)
);

CREATE TABLE refs (
  id bytea NOT NULL,
  session bigint NOT NULL,
  first bigint NOT NULL,
  last bigint,
  CONSTRAINT refs_pkey PRIMARY KEY (id)
) WITH (fillfactor=80);

CREATE TABLE registry (
  key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  owner text,
  body text NOT NULL,
  CONSTRAINT registry_pkey PRIMARY KEY (key)
);

CREATE TABLE removed (
  through bigint NOT NULL,
  token bigint NOT NULL
);

CREATE TABLE sessions (
  session bigint NOT NULL,
  created_at bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL,
  CONSTRAINT sessions_pkey PRIMARY KEY (session)
);

CREATE TABLE snapshots (
  session bigint NOT NULL,
  position bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL,
  CONSTRAINT snapshots_pkey PRIMARY KEY (session)
) WITH (fillfactor=70);

CREATE TABLE streamed (
  session bigint NOT NULL,
  position bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL,
  CONSTRAINT streamed_pkey PRIMARY KEY (session),
  CONSTRAINT streamed_session_fkey FOREIGN KEY (session) REFERENCES heads(session) ON DELETE CASCADE
) WITH (fillfactor=50);

CREATE INDEX blob_refs_digest ON blob_refs USING btree (digest);
CREATE INDEX heads_owner ON heads USING btree (owner) WHERE (owner IS NOT NULL);
CREATE INDEX heads_waiting ON heads USING btree (id) WHERE waiting;
CREATE INDEX letters_expires_at ON letters USING btree (expires_at);
CREATE INDEX letters_session ON letters USING btree (session);
CREATE INDEX log_messages ON log USING btree (session, messages) WHERE adds;
CREATE INDEX log_session ON log USING btree (session, "position");
CREATE INDEX refs_session ON refs USING btree (session);

CREATE OR REPLACE FUNCTION amend_rows(_id text, _token bigint, _positions bigint[], _crcs bigint[], _bodies text[])
 RETURNS TABLE(refusal text, owner text, pid bigint, host text)
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION answer_letter(_id text, _answer text, _channel text, _origin text)
 RETURNS SETOF text
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION claim_sessions(_ids text[], _owners bigint[])
 RETURNS TABLE(place integer, token bigint, refusal text, owner text, pid bigint, host text)
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION demand_owners(_owners bigint[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM 1 FROM owners o WHERE o.n = ANY (_owners) ORDER BY o.n FOR KEY SHARE;
  IF EXISTS (SELECT 1 FROM unnest(_owners) AS u(n) WHERE NOT EXISTS (SELECT 1 FROM owners o WHERE o.n = u.n)) THEN
    RAISE EXCEPTION 'an owner is not registered' USING ERRCODE = 'MK001';
  END IF;
END $function$
;

CREATE OR REPLACE FUNCTION end_owners(_owners bigint[], _channel text, _notice text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION keep_streamed(_id text, _token bigint, _position bigint, _crc bigint, _body text, _channel text, _notice text)
 RETURNS TABLE(refusal text, owner text, pid bigint, host text)
 LANGUAGE plpgsql
AS $function$
#variable_conflict use_column
DECLARE
  _head record;
BEGIN
  SELECT h.session, h.token, h.owner INTO _head FROM heads h WHERE h.id = _id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'missing', NULL::text, NULL::bigint, NULL::text;
  ELSIF _head.token <> _token THEN
    RETURN QUERY SELECT 'token', o.owner, o.pid, o.host FROM (SELECT 1) one LEFT JOIN owners o ON o.n = _head.owner;
  ELSIF (SELECT max(l.position) FROM log l WHERE l.session = _head.session) = _position THEN
    IF _body IS NULL THEN
      DELETE FROM streamed s WHERE s.session = _head.session;
    ELSE
      INSERT INTO streamed AS s (session, position, crc, body) VALUES (_head.session, _position, _crc, _body)
        ON CONFLICT (session) DO UPDATE SET position = excluded.position, crc = excluded.crc, body = excluded.body;
      PERFORM pg_notify(_channel, '0 ' || _notice);
    END IF;
  END IF;
END $function$
;

CREATE OR REPLACE FUNCTION lock_positions()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock((1835753844::bigint << 32) | 'log'::regclass::oid::bigint);
END $function$
;

CREATE OR REPLACE FUNCTION open_sessions(_ids text[], _owners bigint[], _commits bigint[], _created bigint[], _crcs bigint[], _bodies text[], _label_at integer[], _label_key text[], _label_value text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION post_letter(_id text, _session text, _body text, _ttl_ms bigint, _channel text, _notice text)
 RETURNS TABLE(refusal text)
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION register_owner(_owner text, _pid bigint, _host text, _lease_ms bigint)
 RETURNS bigint
 LANGUAGE sql
AS $function$
  INSERT INTO owners (owner, pid, host, lease_ms, expires_at)
    VALUES (_owner, _pid, _host, _lease_ms, clock_timestamp() + _lease_ms * interval '1 ms')
    ON CONFLICT (owner) DO UPDATE SET pid = excluded.pid, host = excluded.host, lease_ms = excluded.lease_ms,
      expires_at = excluded.expires_at
    RETURNING n;
$function$
;

CREATE OR REPLACE FUNCTION release_sessions(_ids text[], _tokens bigint[], _channel text, _notice text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION remove_session(_id text, _token bigint)
 RETURNS TABLE(refusal text, owner text, pid bigint, host text)
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION renew_owners(_owners bigint[])
 RETURNS TABLE(n bigint, lapsed boolean)
 LANGUAGE plpgsql
AS $function$
#variable_conflict use_column
DECLARE
  _owner record;
BEGIN
  FOR _owner IN SELECT o.n, o.expires_at <= clock_timestamp() AS lapsed FROM owners o
    WHERE o.n = ANY (_owners) ORDER BY o.n FOR UPDATE LOOP
    UPDATE owners o SET expires_at = clock_timestamp() + o.lease_ms * interval '1 ms' WHERE o.n = _owner.n;
    RETURN QUERY SELECT _owner.n, _owner.lapsed;
  END LOOP;
END $function$
;

CREATE OR REPLACE FUNCTION swap_entry(_key text, _version bigint, _body text, _owner text, _channel text, _notice text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION sweep(_channel text, _notice text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION write_commits(_ids text[], _tokens bigint[], _commits bigint[], _phases text[], _unfinished bigint[], _messages bigint[], _ats bigint[], _dues bigint[], _adds boolean[], _crcs bigint[], _bodies text[], _open_at integer[], _open_id bytea[], _open_closes boolean[], _close_at integer[], _close_id bytea[], _key_at integer[], _key text[], _key_input text[], _key_digest text[], _drop_at integer[], _drop_work text[], _put_at integer[], _put_work text[], _put_idx bigint[], _put_crc bigint[], _put_body text[], _snapshot_at integer[], _snapshot_crc bigint[], _snapshot_body text[], _blob_at integer[], _blob_digest text[], _blob_data bytea[], _channel text, _notice text)
 RETURNS TABLE(place integer, "position" bigint, token bigint, refusal text, owner text, pid bigint, host text, commits bigint)
 LANGUAGE plpgsql
AS $function$
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
END $function$
;
