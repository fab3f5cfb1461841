/**
 * ONNX's messages in Protocol Buffers' wire format.
 *
 * Field numbers and types are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), of which an
 * exporter of inference graphs needs the nine messages below. Written by hand: of the wire format it takes three kinds
 * of field (https://protobuf.dev/programming-guides/encoding/), and only writing.
 * @module
 */
import type { TypedArray } from '../dtype.js';

/** `TensorProto.DataType` by our names. */
export const DATA_TYPE: Readonly<Record<string, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 };

/** A tensor's dtype, sizes and elements. */
export interface TensorData {
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data: TypedArray;
}

/** Marks an attribute that is a float even where its value has no fraction. */
export class Float {
  constructor(readonly value: number) {}
}

/** An attribute: a number is an integer, unless it is a {@link Float}. */
export type Attribute = number | Float | string | readonly number[] | readonly string[] | TensorData;

/** `NodeProto`; an input that is not given is ''. */
export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  inputs: string[];
  outputs: string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** `ValueInfoProto` of a tensor: a size is a number, or the name of a dynamic axis. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** `ModelProto` with its `GraphProto`. */
export interface Model {
  readonly irVersion: number;
  readonly opset: number;
  readonly graphName: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly (TensorData & { readonly name: string })[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;
const utf8 = new TextEncoder();

/** A message being written: pieces of bytes, which are joined once, so that weights are copied once. */
class Message {
  readonly pieces: Uint8Array[] = [];
  length = 0;
  #small: number[] = [];

  #flush(): void {
    if (this.#small.length === 0) return;
    this.pieces.push(Uint8Array.from(this.#small));
    this.#small = [];
  }

  #varint(value: number): void {
    // A negative int64 takes ten bytes: its two's complement in groups of seven bits.
    let rest = BigInt.asUintN(64, BigInt(value));
    do {
      const low = Number(rest & 127n);
      rest >>= 7n;
      this.#small.push(rest === 0n ? low : low | 128);
      this.length++;
    } while (rest !== 0n);
  }

  int(field: number, value: number): this {
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
    return this;
  }

  ints(field: number, values: readonly number[]): this {
    for (const v of values) this.int(field, v);
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + FIXED32);
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.#small.push(bytes.getUint8(i));
    this.length += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + BYTES);
    this.#varint(value.length);
    this.#flush();
    this.pieces.push(value);
    this.length += value.length;
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  strings(field: number, values: readonly string[]): this {
    for (const v of values) this.string(field, v);
    return this;
  }

  message(field: number, value: Message): this {
    this.#varint(field * 8 + BYTES);
    this.#varint(value.length);
    this.#flush();
    value.#flush();
    for (const piece of value.pieces) this.pieces.push(piece);
    this.length += value.length;
    return this;
  }

  messages(field: number, values: readonly Message[]): this {
    for (const v of values) this.message(field, v);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.#flush();
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }
}

function tensorProto({ dtype, dims, data }: TensorData, name = ''): Message {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const message = new Message().ints(1, dims).int(2, DATA_TYPE[dtype]!);
  if (name !== '') message.string(8, name);
  return message.bytes(9, raw);
}

function attributeProto(name: string, value: Attribute): Message {
  const m = new Message().string(1, name);
  if (value instanceof Float) return m.float(2, value.value).int(20, 1);
  if (typeof value === 'number') return m.int(3, value).int(20, 2);
  if (typeof value === 'string') return m.string(4, value).int(20, 3);
  if ('data' in value) return m.message(5, tensorProto(value)).int(20, 4);
  if (typeof value[0] === 'string') return m.strings(9, value as readonly string[]).int(20, 8);
  return m.ints(8, value as readonly number[]).int(20, 7);
}

function nodeProto({ name, opType, inputs, outputs, attributes }: NodeProto): Message {
  const entries = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
  return new Message().strings(1, inputs).strings(2, outputs).string(3, name).string(4, opType).messages(5, entries);
}

function valueInfo({ name, dtype, shape }: ValueInfo): Message {
  const dims = shape.map((size) => (typeof size === 'number' ? new Message().int(1, size) : new Message().string(2, size)));
  const tensorType = new Message().int(1, DATA_TYPE[dtype]!).message(2, new Message().messages(1, dims));
  return new Message().string(1, name).message(2, new Message().message(1, tensorType));
}

/** The bytes of a model file. */
export function encodeModel(model: Model): Uint8Array<ArrayBuffer> {
  const graph = new Message()
    .messages(1, model.nodes.map(nodeProto))
    .string(2, model.graphName)
    .messages(5, model.initializers.map((t) => tensorProto(t, t.name)))
    .messages(11, model.inputs.map(valueInfo))
    .messages(12, model.outputs.map(valueInfo));
  return new Message()
    .int(1, model.irVersion)
    .string(2, 'cresset')
    .message(7, graph)
    .message(8, new Message().string(1, '').int(2, model.opset))
    .finish();
}
