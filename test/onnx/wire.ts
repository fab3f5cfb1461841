/** Reads what the tests look at in a model file: Protocol Buffers' wire format, with onnx.proto's field numbers. */

/** Fields of a message: numbers and bytes, in order, by field number. */
type Fields = Map<number, (number | Uint8Array)[]>;

function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, value));
    }
  };
  while (at < bytes.length) {
    const key = varint();
    let value: number | Uint8Array;
    if (key % 8 === 0) value = varint();
    else if (key % 8 === 5) value = bytes.subarray(at, (at += 4));
    else if (key % 8 === 2) {
      const length = varint();
      value = bytes.subarray(at, (at += length));
    } else throw new Error(`wire type ${key % 8}`);
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

const texts = (fields: Fields, field: number): string[] => (fields.get(field) ?? []).map((b) => new TextDecoder().decode(b as Uint8Array));
const text = (fields: Fields, field: number): string => texts(fields, field)[0] ?? '';
const messages = (fields: Fields, field: number): Fields[] => (fields.get(field) ?? []).map((b) => fieldsOf(b as Uint8Array));
const number = (fields: Fields, field: number): number => fields.get(field)![0] as number;

function info(fields: Fields): { name: string; type: number; shape: (number | string)[] } {
  const tensor = messages(messages(fields, 2)[0]!, 1)[0]!;
  const shape = messages(messages(tensor, 2)[0]!, 1).map((d) => (d.has(1) ? number(d, 1) : text(d, 2)));
  return { name: text(fields, 1), type: number(tensor, 1), shape };
}

/** A model as plain data. */
export function readModel(bytes: Uint8Array) {
  const model = fieldsOf(bytes);
  const graph = messages(model, 7)[0]!;
  return {
    irVersion: number(model, 1),
    producer: text(model, 2),
    opset: number(messages(model, 8)[0]!, 2),
    graph: {
      nodes: messages(graph, 1).map((n) => ({ name: text(n, 3), opType: text(n, 4), inputs: texts(n, 1), outputs: texts(n, 2) })),
      initializers: messages(graph, 5).map((t) => ({ name: text(t, 8), dims: (t.get(1) ?? []) as number[], type: number(t, 2), data: t.get(9)![0] as Uint8Array })),
      inputs: messages(graph, 11).map(info),
      outputs: messages(graph, 12).map(info),
    },
  };
}
