// Stores a message as the service does: with the function in PostgreSQL that finds or opens its
// conversation, and one item in DynamoDB.
import { createHash, createHmac, randomUUID } from "node:crypto";

import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import pg from "pg";

const DAY = 86_400_000;
const FIND_OR_OPEN = "SELECT * FROM conversations_find_or_open_v1($1::jsonb)";
const CREATE_PROJECT = `
  INSERT INTO conversations_project (uuid, name, timezone, closing_time)
  VALUES ($1, '', 'America/Sao_Paulo', '00:00') ON CONFLICT DO NOTHING`;
const CLOSING_RULE = `
  SELECT timezone, closing_time::text, (
    local::date + closing_time
    + CASE WHEN local::time < closing_time THEN interval '0' ELSE interval '1 day' END
  ) AT TIME ZONE timezone AS closes_at
  FROM (
    SELECT timezone, closing_time, now() AT TIME ZONE timezone AS local
    FROM conversations_project WHERE uuid = $1
  ) AS project`;

export async function openStore(environment) {
  const database = new pg.Client({ connectionString: environment.DATABASE_URL });
  await database.connect();
  const dynamodb = new DynamoDBClient({
    region: environment.DYNAMODB_REGION,
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB,
  });
  return new Store(database, dynamodb, environment);
}

class Store {
  constructor(database, dynamodb, environment) {
    this.database = database;
    this.dynamodb = dynamodb;
    this.table = environment.DYNAMODB_MESSAGE_TABLE;
    // Django's salted_hmac.
    this.hashKey = createHash("sha256")
      .update(`apps.conversations.erasing${environment.SECRET_KEY}`)
      .digest();
    this.rules = new Map();
  }

  async put(event, system) {
    const place = {
      group: system.MessageGroupId,
      sequence: system.SequenceNumber,
      queuedAt: Number(system.SentTimestamp),
    };
    const conversation = await this.findOrOpen(event, place);
    await this.dynamodb.send(
      new PutItemCommand({
        TableName: this.table,
        Item: itemOf(event, place, conversation),
        ConditionExpression: "attribute_not_exists(message_key)",
      }),
    );
  }

  async findOrOpen({ data }, place) {
    const rule = await this.closingRule(data.project_uuid, place.queuedAt);
    const asked = {
      number: 0,
      project: data.project_uuid,
      channel: data.channel_uuid,
      urn: data.contact_urn,
      queue_time: new Date(place.queuedAt),
      sequence: place.sequence,
      group_id: place.group,
      at: data.message.created_at,
      from_contact: data.message.source === "incoming",
      contact_name: data.message.contact_name,
      uuid: randomUUID(),
      closes_at: rule.closes_at,
      timezone: rule.timezone,
      closing_time: rule.closing_time,
      due_at: rule.closes_at,
      archive_check_at: new Date(place.queuedAt + DAY),
      contact_hash: this.hash(`${data.project_uuid}\n${data.contact_urn}`),
      group_hash: this.hash(place.group),
    };
    const { rows } = await this.database.query(FIND_OR_OPEN, [JSON.stringify([asked])]);
    if (!rows[0].conversation_uuid || rows[0].is_late) {
      throw new Error(`no open conversation: ${JSON.stringify(rows)}`);
    }
    return rows[0].conversation_uuid;
  }

  // The rule of a project, with its next closing, is read again after that closing.
  async closingRule(project, at) {
    let rule = this.rules.get(project);
    if (!rule || rule.closes_at <= at) {
      await this.database.query(CREATE_PROJECT, [project]);
      ({
        rows: [rule],
      } = await this.database.query(CLOSING_RULE, [project]));
      this.rules.set(project, rule);
    }
    return rule;
  }

  hash(text) {
    return createHmac("sha256", this.hashKey).update(text).digest("hex");
  }
}

function itemOf(event, place, conversation) {
  const { message } = event.data;
  const text = `${place.sequence.padStart(20, "0")}-${String(place.queuedAt).padStart(13, "0")}`;
  const entry = {
    correlation_id: event.correlation_id,
    created_at: message.created_at.replace("+00:00", "Z"),
    event_type: event.event_type,
    id: message.id,
    message,
    place: text,
  };
  const expiresAt = Math.floor((Date.now() + 2 * DAY) / 1000);
  return {
    conversation_uuid: { S: conversation },
    message_key: { S: text },
    entry: { S: JSON.stringify(entry) },
    expires_at: { N: String(expiresAt) },
  };
}
