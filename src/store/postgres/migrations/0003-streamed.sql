-- min_reader: 1
--
-- What sessions say and the log does not have yet: one row a session, of which it holds that its session has no newer
-- row in the log than `position`. It is rewritten every second or so while something is said.

CREATE TABLE streamed (
  session bigint PRIMARY KEY REFERENCES heads ON DELETE CASCADE,
  position bigint NOT NULL,
  crc bigint NOT NULL,
  body text NOT NULL
) WITH (fillfactor = 50);

-- Without a body nothing is kept. Where the session has a newer row, nothing happens.
CREATE FUNCTION keep_streamed(_id text, _token bigint, _position bigint, _crc bigint, _body text, _channel text, _notice text)
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
  ELSIF (SELECT max(l.position) FROM log l WHERE l.session = _head.session) = _position THEN
    IF _body IS NULL THEN
      DELETE FROM streamed s WHERE s.session = _head.session;
    ELSE
      INSERT INTO streamed AS s (session, position, crc, body) VALUES (_head.session, _position, _crc, _body)
        ON CONFLICT (session) DO UPDATE SET position = excluded.position, crc = excluded.crc, body = excluded.body;
      PERFORM pg_notify(_channel, '0 ' || _notice);
    END IF;
  END IF;
END $$;
