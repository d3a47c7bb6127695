# Fails if the input asks for it.
case $(cat "$1/input.data") in
  *'"broken"'*) echo "this is broken" >&2; exit 3 ;;
esac
echo "this is fine"
