import * as grpc from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import statusProto from "@pulumi/pulumi/proto/status_pb.js";
import { Incomplete, type Plugin, text } from "../../../sandbox/plugins/framework/resource.ts";
import { implementation } from "../../../sandbox/plugins/framework/server.ts";
import { encode, type Json, type Properties, UNKNOWN } from "../../../sandbox/plugins/framework/values.ts";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secret = (value: Json) => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });
const URN = "urn:pulumi:test::pantheros::toy:index/box:Box::box";

/** A plugin with one resource, in memory. */
const boxes = new Map<string, Properties>();
const toy: Plugin<{ region: string }> = {
  name: "toy",
  jsonConfig: ["flags"],
  secretConfig: ["token"],
  configure: (config) => ({ region: `${text(config["region"])}/${JSON.stringify(config["flags"])}` }),
  resources: {
    "toy:index/box:Box": {
      properties: {
        size: { type: "number", required: true },
        colour: { type: "string", replace: true },
        pin: { type: "string", secret: true },
      },
      computed: ["serial", "region"],
      secretOutputs: ["serial"],
      volatile: (changed) => (changed.has("size") ? ["serial"] : []),
      async create({ client, status }, inputs) {
        if (inputs["size"] === 13)
          throw new Incomplete("id13", { serial: "half" }, new Error("the lid is missing"));
        status("folding");
        boxes.set("id1", inputs);
        return { id: "id1", outputs: { serial: "s1", region: client.region } };
      },
      read: async (_context, id) => {
        const inputs = boxes.get(id);
        return inputs && { id, inputs, outputs: { serial: "s1" } };
      },
      update: async () => ({ serial: "s2", region: "r" }),
      delete: async (_context, id) => void boxes.delete(id),
    },
  },
  functions: {
    "toy:index/getPin:getPin": {
      properties: {},
      secretOutputs: ["pin"],
      run: async () => ({ pin: "1234", name: "box" }),
    },
  },
};

type Client = InstanceType<typeof service.ResourceProviderClient>;
let client: Client;
let server: grpc.Server;
const cancel = new AbortController();

function call<Request, Answer>(method: string, request: Request): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = Reflect.get(client, method) as (
      request: Request,
      done: (error: grpc.ServiceError | null, answer: Answer) => void,
    ) => void;
    send.call(client, request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

beforeAll(async () => {
  server = new grpc.Server();
  server.addService(service.ResourceProviderService, implementation(toy, "1.2.3", cancel).handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  client = new service.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const configuration = new proto.ConfigureRequest();
  configuration.setArgs(encode({ region: secret("fsn1"), flags: '["a"]', version: "1.2.3" }));
  const answer = await call<typeof configuration, InstanceType<typeof proto.ConfigureResponse>>(
    "configure",
    configuration,
  );
  expect([answer.getAcceptsecrets(), answer.getSupportspreview()]).toEqual([true, true]);
  jest.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterAll(() => {
  client.close();
  server.forceShutdown();
});

function creation(inputs: Properties, preview: boolean) {
  const request = new proto.CreateRequest();
  request.setUrn(URN);
  request.setProperties(encode(inputs));
  request.setPreview(preview);
  return call<typeof request, InstanceType<typeof proto.CreateResponse>>("create", request);
}

test("secret configuration is secret in the state, even when the program gave it as a plain value", async () => {
  const request = new proto.CheckRequest();
  request.setUrn("urn:pulumi:test::pantheros::pulumi:providers:toy::default");
  request.setNews(encode({ region: "fsn1", token: "t0ken" }));
  const answer = await call<typeof request, InstanceType<typeof proto.CheckResponse>>("checkConfig", request);
  expect(answer.getInputs()?.toJavaScript()).toEqual({ region: "fsn1", token: secret("t0ken") });
});

test("check converts types, keeps secrets and marks declared ones", async () => {
  const request = new proto.CheckRequest();
  request.setUrn(URN);
  request.setNews(encode({ size: "3", colour: secret("red"), pin: "1234" }));
  const answer = await call<typeof request, InstanceType<typeof proto.CheckResponse>>("check", request);
  expect(answer.getInputs()?.toJavaScript()).toEqual({ size: 3, colour: secret("red"), pin: secret("1234") });
  request.setNews(encode({ colour: 1, shape: "round" }));
  const failures = (
    await call<typeof request, InstanceType<typeof proto.CheckResponse>>("check", request)
  ).getFailuresList();
  expect(failures.map((failure) => `${failure.getProperty()}: ${failure.getReason()}`)).toEqual([
    "shape: not supported by this plugin; it takes size, colour, pin",
    "size: is required",
  ]);
});

test("a preview of a creation has the inputs and unknown outputs, and creates nothing", async () => {
  const answer = await creation({ size: 1, pin: UNKNOWN }, true);
  const outputs = answer.getProperties()?.toJavaScript();
  expect(outputs).toEqual({ size: 1, pin: secret(UNKNOWN), serial: secret(UNKNOWN), region: UNKNOWN });
  expect(boxes.size).toBe(0);
});

test("a creation returns inputs and outputs, and marks the secret ones", async () => {
  const answer = await creation({ size: 1, colour: secret("red") }, false);
  expect(answer.getId()).toBe("id1");
  // The official plugins that wrap a Terraform provider read the id among the outputs.
  expect(answer.getProperties()?.toJavaScript()).toEqual({
    id: "id1",
    size: 1,
    colour: secret("red"),
    serial: secret("s1"),
    region: 'fsn1/["a"]',
  });
});

test("the error of an incomplete object has its id and state", async () => {
  const failed = (await creation({ size: 13, pin: secret("1234") }, false).catch(
    (error: unknown) => error,
  )) as grpc.ServiceError;
  expect(failed.details).toBe("the lid is missing");
  const [packed] = failed.metadata.get("grpc-status-details-bin");
  const status = statusProto.Status.deserializeBinary(new Uint8Array(packed as Buffer));
  const detail = status
    .getDetailsList()[0]
    ?.unpack(proto.ErrorResourceInitFailed.deserializeBinary, "pulumirpc.ErrorResourceInitFailed");
  expect(detail?.getId()).toBe("id13");
  expect(detail?.getReasonsList()).toEqual(["the lid is missing"]);
  expect(detail?.getProperties()?.toJavaScript()).toEqual({
    id: "id13",
    size: 13,
    pin: secret("1234"),
    serial: secret("half"),
  });
});

test("an unknown input at update time is an error, not a value", async () => {
  await expect(creation({ size: UNKNOWN }, false)).rejects.toThrow("inputs not known at update time: size");
});

test("a diff names each path and whether it replaces", async () => {
  const request = new proto.DiffRequest();
  request.setUrn(URN);
  request.setId("id1");
  request.setOldInputs(encode({ size: 1, colour: "red" }));
  request.setOlds(encode({ size: 1, colour: "red", serial: "s1" }));
  request.setNews(encode({ size: 2, colour: secret("blue") }));
  const answer = await call<typeof request, InstanceType<typeof proto.DiffResponse>>("diff", request);
  expect(answer.getReplacesList()).toEqual(["colour"]);
  expect(answer.getDiffsList().toSorted()).toEqual(["colour", "size"]);
  expect(answer.getDetaileddiffMap().get("colour")?.getKind()).toBe(proto.PropertyDiff.Kind.UPDATE_REPLACE);
  expect(answer.getDetaileddiffMap().get("size")?.getKind()).toBe(proto.PropertyDiff.Kind.UPDATE);
  request.setIgnorechangesList(["colour"]);
  const ignoring = await call<typeof request, InstanceType<typeof proto.DiffResponse>>("diff", request);
  expect(ignoring.getReplacesList()).toEqual([]);
});

test("a preview of an update has unknown values only for outputs that can change", async () => {
  const request = new proto.UpdateRequest();
  request.setUrn(URN);
  request.setId("id1");
  request.setOldInputs(encode({ size: 1 }));
  request.setOlds(encode({ size: 1, serial: "s1", region: "r" }));
  request.setPreview(true);
  const outputs = async (news: Properties) => {
    request.setNews(encode(news));
    const answer = await call<typeof request, InstanceType<typeof proto.UpdateResponse>>("update", request);
    return answer.getProperties()?.toJavaScript();
  };
  expect(await outputs({ size: 2 })).toEqual({ size: 2, serial: secret(UNKNOWN), region: "r" });
  expect(await outputs({ size: 1, pin: "1" })).toEqual({
    size: 1,
    pin: secret("1"),
    serial: secret("s1"),
    region: "r",
  });
});

test("a read of a deleted object returns no id", async () => {
  const request = new proto.ReadRequest();
  request.setUrn(URN);
  request.setId("id1");
  request.setInputs(encode({ size: 1 }));
  request.setProperties(encode({ size: 1 }));
  const found = await call<typeof request, InstanceType<typeof proto.ReadResponse>>("read", request);
  expect([found.getId(), found.getInputs()?.toJavaScript()]).toEqual(["id1", { size: 1 }]);
  request.setId("gone");
  const gone = await call<typeof request, InstanceType<typeof proto.ReadResponse>>("read", request);
  expect(gone.getId()).toBe("");
});

test("a function's secret results are secret, and an unknown type or function is refused by name", async () => {
  const request = new proto.InvokeRequest();
  request.setTok("toy:index/getPin:getPin");
  const answer = await call<typeof request, InstanceType<typeof proto.InvokeResponse>>("invoke", request);
  expect(answer.getReturn()?.toJavaScript()).toEqual({ pin: secret("1234"), name: "box" });
  request.setTok("toy:index/getLid:getLid");
  await expect(call("invoke", request)).rejects.toThrow(
    'the sandbox plugin "toy" has no function toy:index/getLid:getLid',
  );
  const check = new proto.CheckRequest();
  check.setUrn(URN.replace("Box::", "Lid::"));
  await expect(call("check", check)).rejects.toThrow(
    "has no resource type toy:index/box:Lid; it has toy:index/box:Box",
  );
});
