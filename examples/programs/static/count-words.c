/* Counts the words of its input file and writes what an action's output is. */
#include <ctype.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    FILE *in = argc > 2 ? fopen(argv[1], "r") : NULL;
    FILE *out = in ? fopen(argv[2], "w") : NULL;
    int letter, inside = 0;
    long words = 0;

    if (!out) {
        fprintf(stderr, "usage: count-words INPUT OUTPUT\n");
        return 2;
    }
    while ((letter = getc(in)) != EOF) {
        int is_word = isalnum(letter) != 0;
        words += is_word && !inside;
        inside = is_word;
    }
    printf("%ld words\n", words);
    fprintf(out, "{\"data\": {\"words\": %ld}}\n", words);
    return fclose(out) != 0;
}
