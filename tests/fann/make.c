/* Makes the files of this folder, with libfann 2.2: trained networks, and what fann_run says of rows.

   gcc make.c -lfann -lm && ./a.out */

#include <stdio.h>
#include <stdlib.h>

#include <fann.h>

static void say(const char *name, struct fann *ann, int is_scaled, int n_rows, const float *rows) {
    char path[64];
    snprintf(path, sizeof path, "%s.net", name);
    fann_save(ann, path);
    snprintf(path, sizeof path, "%s.txt", name);
    FILE *file = fopen(path, "w");
    struct fann *read = NULL;
    char saved[64];
    snprintf(saved, sizeof saved, "%s.net", name);
    read = fann_create_from_file(saved); /* which has the scales as they are written */
    unsigned n_in = fann_get_num_input(read), n_out = fann_get_num_output(read);
    for (int r = 0; r < n_rows; r++) {
        float row[8];
        for (unsigned i = 0; i < n_in; i++) {
            row[i] = rows[r * n_in + i];
            fprintf(file, "%.9g ", row[i]);
        }
        if (is_scaled)
            fann_scale_input(read, row);
        float *out = fann_run(read, row);
        if (is_scaled)
            fann_descale_output(read, out);
        for (unsigned i = 0; i < n_out; i++)
            fprintf(file, "%.9g%c", out[i], i + 1 < n_out ? ' ' : '\n');
    }
    fclose(file);
}

static void xor_problem(const char *name, int hidden, int output, float steepness) {
    static const float rows[] = {0, 0, 0, 1, 1, 0, 1, 1, 0.3f, -0.7f, 2, 5};
    struct fann *ann = fann_create_standard(4, 2, 4, 3, 1);
    fann_set_activation_function_hidden(ann, hidden);
    fann_set_activation_function_output(ann, output);
    fann_set_activation_steepness_hidden(ann, steepness);
    struct fann_train_data *data = fann_create_train(4, 2, 1);
    for (int i = 0; i < 4; i++) {
        data->input[i][0] = rows[2 * i];
        data->input[i][1] = rows[2 * i + 1];
        data->output[i][0] = rows[2 * i] != rows[2 * i + 1];
    }
    /* Few passes: sums beyond 150 over the steepness are cut off by libfann, which its rprop soon comes to. */
    fann_randomize_weights(ann, -0.5f, 0.5f);
    fann_train_on_data(ann, data, output == FANN_SIGMOID_SYMMETRIC ? 9 : 25, 0, 0.0005f);
    say(name, ann, 0, 6, rows);
}

static void scaled_regression(void) {
    static const float rows[] = {120, 30, 111, 99, 148, 7};
    struct fann *ann = fann_create_standard(3, 2, 4, 2);
    fann_set_activation_function_hidden(ann, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_function_output(ann, FANN_LINEAR);
    struct fann_train_data *data = fann_create_train(50, 2, 2);
    for (int i = 0; i < 50; i++) {
        float x = 100 + i, y = 3.f * ((i * 7) % 50);
        data->input[i][0] = x;
        data->input[i][1] = y;
        data->output[i][0] = 1000 + 5 * x - y;
        data->output[i][1] = 2 * y - x;
    }
    fann_set_scaling_params(ann, data, -1, 1, 0, 1);
    fann_scale_train(ann, data);
    fann_train_on_data(ann, data, 200, 0, 0.0005f);
    say("scaled", ann, 1, 3, rows);
}

int main(void) {
    srand(1);
    xor_problem("sigmoid", FANN_SIGMOID_SYMMETRIC, FANN_SIGMOID, 0.7f);
    xor_problem("linear", FANN_SIGMOID, FANN_LINEAR, 0.5f);
    xor_problem("elliot", FANN_ELLIOT, FANN_ELLIOT, 0.9f);
    xor_problem("elliot_symmetric", FANN_ELLIOT_SYMMETRIC, FANN_SIGMOID_SYMMETRIC, 1.3f);
    xor_problem("piece", FANN_LINEAR_PIECE, FANN_LINEAR_PIECE_SYMMETRIC, 0.4f);
    xor_problem("sin", FANN_SIN, FANN_COS, 0.5f);
    xor_problem("sin_symmetric", FANN_COS_SYMMETRIC, FANN_SIN_SYMMETRIC, 0.6f);
    xor_problem("gaussian", FANN_GAUSSIAN, FANN_SIGMOID, 0.5f);
    xor_problem("stepwise", FANN_SIGMOID_STEPWISE, FANN_SIGMOID, 0.5f);
    struct fann *ann = fann_create_standard(3, 2, 3, 1);
    static const float rows[] = {0, 0, 0, 1, 1, 0, 1, 1};
    fann_set_activation_function_hidden(ann, FANN_THRESHOLD_SYMMETRIC);
    fann_set_activation_function_output(ann, FANN_THRESHOLD);
    say("threshold", ann, 0, 4, rows);
    scaled_regression();
    say("sparse", fann_create_sparse(0.5f, 3, 4, 4, 1), 0, 0, NULL);
    say("shortcut", fann_create_shortcut(3, 2, 2, 1), 0, 0, NULL);
    return 0;
}
