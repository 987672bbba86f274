// sqs-consumer as a subject of `make bench`: node consumer.js PYTHON
//
// It receives up to ten messages, stores each of them with one SQL statement and one PutItem, and
// deletes them with one call. The messages of a receive run one after the other, because they may
// be of one group. An error ends the program, because nothing is retried.
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

import { Closer } from "./closer.js";
import { openStore } from "./store.js";

const environment = process.env;
const store = await openStore(environment);
const closer = new Closer(process.argv[2]);

async function handle(message) {
  const event = JSON.parse(message.Body);
  if (event.event_type === "conversation.close") {
    await closer.close(message);
  } else {
    await store.put(event, message.Attributes);
  }
}

const consumer = Consumer.create({
  queueUrl: environment.SQS_CONVERSATION_QUEUE_URL,
  sqs: new SQSClient({
    region: environment.SQS_CONVERSATION_REGION,
    endpoint: environment.AWS_ENDPOINT_URL_SQS,
    useQueueUrlAsEndpoint: false,
  }),
  batchSize: 10,
  waitTimeSeconds: Number(environment.SQS_POLL_SECONDS),
  messageSystemAttributeNames: ["MessageGroupId", "SentTimestamp", "SequenceNumber"],
  suppressFifoWarning: true,
  handleMessageBatch: async (messages) => {
    for (const message of messages) {
      await handle(message);
    }
    return messages;
  },
});
for (const failure of ["error", "processing_error", "timeout_error"]) {
  consumer.on(failure, (error) => {
    console.error(error);
    process.exit(1);
  });
}
consumer.start();
console.log("The consumer is ready.");
