#!/bin/sh
# Puts one service's own code into /opt/venv and takes out what it never reads. Runs in the image's first stage.
set -eu
service=$1
packages=/opt/venv/lib/python3.11/site-packages
home=/opt/shodhana
here=deploy/docker

# The package is the worker's too; the rules of the imports keep services apart, so each image holds one.
case "$service" in
  migrations) keep=stack entry=migrate.py ;;
  *) keep=$service entry=serve.py ;;
esac

/opt/builder/bin/pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir dist .
/opt/builder/bin/pip --python /opt/venv/bin/python install --quiet --no-compile --no-deps --no-index dist/*.whl
rm -rf "$packages/shodhana_client"
for folder in "$packages"/shodhana/*/; do
  case "$(basename "$folder")" in
    api | runtime | sound | text | "$keep") ;;
    *) rm -rf "$folder" ;;
  esac
done

mkdir -p "$home/database"
cp "requirements/images/$service.txt" "$home/packages.txt" # what the list of its parts is made of
case "$service" in
  similarity)
    cp -r database/glossary database/verses "$home/database"
    ;;
  migrations)
    cp -r database/migrations "$home/database"
    ;;
  embedding)
    /opt/venv/bin/python -m shodhana.embedding.prepare --output "$home/model"
    # Tokenizers come from the model's own folder, never from a hub.
    rm -rf "$packages"/sanskrit_parser* "$packages"/huggingface_hub* "$packages"/hf_xet*
    # Of OpenVINO what computes on a processor: the graph is built in code, no model file is read.
    (cd "$packages/openvino" && rm -rf include cmake tools libs/*_gpu_plugin.so libs/*_npu_plugin.so libs/cache.json \
      libs/*_frontend.so.* libs/libopenvino_c.so.* libs/*_auto_plugin.so libs/*_hetero_plugin.so libs/*_batch_plugin.so)
    ;;
  transcripts)
    find "$packages/wordfreq/data" -name '*.msgpack.gz' ! -name '*_en.msgpack.gz' -delete
    rm -f "$packages"/wordfreq/data/jieba_*
    ;;
  quality)
    find "$packages/sanskrit_parser" -type f ! -path '*/sanskrit_parser/__init__.py' ! -name inria_forms_pos.db -delete
    rm -rf "$packages/web"
    ;;
esac

rm -rf "$packages"/all_minilm_l6_v2* "$packages"/pycparser*
# Nine tenths of this library are debug information.
find "$packages/vidyut" -name '*.so' -exec strip --strip-unneeded {} + 2> /dev/null || true
find "$packages" -depth \( -type d \( -name tests -o -name test \) -o -name '*.pyi' -o -name '*.pyx' \
  -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.cpp' \) -exec rm -rf {} +
find "$packages" -depth -type d -empty -delete
find /opt/venv/bin -mindepth 1 ! -name 'python*' ! -name celery ! -name dbmate -delete

install -m 755 "$here/$entry" /opt/venv/bin/serve
install -m 755 "$here/healthy.py" /opt/venv/bin/healthy
# The root is read-only: what is not compiled now would be compiled at each start. The code never changes, so that
# its age need not be looked at.
/opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash "$packages" > /dev/null || true
