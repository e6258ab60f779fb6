/// Shaders of the vehicle layer. Shapes are distances to outlines, so that edges stay sharp at 8 px and on dense screens.

export const VERTEX_SHADER = `#version 300 es
precision highp float;
layout(location = 0) in vec4 a_places; // from.xy, to.xy, relative to the origin
layout(location = 1) in vec4 a_state;  // glide start, glide length, fix time, packed look
uniform vec2 u_scale;
uniform vec2 u_offset;
uniform vec2 u_viewport;
uniform float u_size;
uniform float u_draw_s;
uniform float u_fleet_s;
uniform float u_connected;
uniform float u_halo;
uniform int u_mask;
out vec2 v_point; // CSS pixels from the middle, turned so that ahead is up
flat out int v_status;
flat out float v_alpha;
flat out float v_wedge;

void main() {
  int look = int(a_state.w + 0.5);
  int status = (look >> 16) & 7;
  bool known = ((look >> 16) & 8) == 0;
  if (status == 7 || ((u_mask >> status) & 1) == 0) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    return;
  }
  float share = a_state.y > 0.0 ? clamp((u_draw_s - a_state.x) / a_state.y, 0.0, 1.0) : 1.0;
  vec2 place = mix(a_places.xy, a_places.zw, share);
  float from = float(look & 255);
  float turn = mod(float((look >> 8) & 255) - from + 384.0, 256.0) - 128.0;
  float course = (from + turn * min(1.0, share * 3.0)) * (6.28318530718 / 256.0);
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
  float reach = u_size * 0.5 + (status == 4 ? 3.6 : 1.9) + (u_halo > 0.0 ? 5.0 : 0.0);
  vec2 pixel = corner * reach;
  float c = cos(course), s = sin(course);
  v_point = vec2(pixel.x * c + pixel.y * s, -pixel.x * s + pixel.y * c);
  v_point.y = -v_point.y;
  v_status = status;
  v_wedge = known && status != 0 ? 1.0 : 0.0;
  // Fades from one minute of silence to five, when it counts as offline; all fade while the page is disconnected.
  float age = u_fleet_s - a_state.z;
  v_alpha = mix(1.0, 0.55, smoothstep(60.0, 300.0, age)) * u_connected;
  vec2 clip = place * u_scale + u_offset;
  gl_Position = vec4(clip + vec2(pixel.x, -pixel.y) * 2.0 / u_viewport, 0.0, 1.0);
}`;

export const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec2 v_point;
flat in int v_status;
flat in float v_alpha;
flat in float v_wedge;
uniform float u_size;
uniform float u_ratio;
uniform float u_halo;
uniform float u_dark;
out vec4 colour;

// Distance to a wedge that points up: a triangle with a notch at its foot.
float wedge(vec2 p, float r) {
  p.x = abs(p.x);
  vec2 side = normalize(vec2(1.62, 0.68));
  float slope = dot(p - vec2(0.0, r), side);
  vec2 foot = normalize(vec2(-0.5, -1.0));
  float notch = dot(p - vec2(0.0, -0.46 * r), foot);
  return max(slope, notch);
}

vec3 statusColour(int status) {
  if (status == 1) return mix(vec3(0.0, 0.545, 0.40), vec3(0.13, 0.80, 0.61), u_dark);
  if (status == 2) return mix(vec3(0.16, 0.55, 0.83), vec3(0.42, 0.76, 0.95), u_dark);
  if (status == 4) return mix(vec3(0.66, 0.33, 0.54), vec3(0.86, 0.58, 0.75), u_dark);
  return mix(vec3(0.42, 0.48, 0.54), vec3(0.60, 0.66, 0.72), u_dark);
}

void main() {
  float r = u_size * 0.5;
  float soft = 0.5 / u_ratio + 0.15;
  float d = v_wedge > 0.5 ? wedge(v_point, r) : length(v_point) - r * 0.66;
  bool hollow = v_status == 3 || v_status == 0;
  vec3 own = statusColour(v_status);
  vec3 rim = mix(vec3(1.0), vec3(0.05, 0.07, 0.09), u_dark);
  float outline = 1.0 - smoothstep(-soft, soft, d - 1.1);
  float body = 1.0 - smoothstep(-soft, soft, d);
  vec3 fill = own;
  if (hollow) fill = mix(own, rim, 1.0 - smoothstep(-soft, soft, d + max(1.3, r * 0.24)));
  vec4 result = vec4(mix(rim, fill, body), 1.0) * outline * (hollow ? 0.95 : 1.0);
  if (v_status == 4) {
    float ring = abs(length(v_point) - (r + 1.6)) - 1.0;
    result = mix(result, vec4(own, 1.0), 1.0 - smoothstep(-soft, soft, ring));
  }
  result *= v_alpha;
  if (u_halo > 0.5) {
    float away = length(v_point) - (r + 3.0);
    vec3 tint = mix(vec3(0.0, 0.47, 0.36), vec3(0.18, 0.77, 0.61), u_dark);
    float glow = (1.0 - smoothstep(-soft, soft, away)) * (u_halo > 1.5 ? 0.22 : 0.12);
    float line = (1.0 - smoothstep(-soft, soft, abs(away) - 0.9)) * (u_halo > 1.5 ? 1.0 : 0.5);
    vec4 halo = vec4(tint, 1.0) * max(glow, line);
    result = result + halo * (1.0 - result.a);
  }
  if (result.a < 0.004) discard;
  colour = result;
}`;
