// dynalite on 127.0.0.1. It does not know UpdateTimeToLive, which `provision` calls: this answers it
// as DynamoDB does. Nothing expires, which takes 48 hours anyway.
import dynalite from "dynalite";
import { createServer } from "node:http";

const [handle] = dynalite({ createTableMs: 0 }).listeners("request");

createServer((request, response) => {
  if (!request.headers["x-amz-target"]?.endsWith(".UpdateTimeToLive")) {
    handle(request, response);
    return;
  }
  const body = [];
  request.on("data", (piece) => body.push(piece));
  request.on("end", () => {
    const { TimeToLiveSpecification } = JSON.parse(Buffer.concat(body).toString());
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
    response.end(JSON.stringify({ TimeToLiveSpecification }));
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
